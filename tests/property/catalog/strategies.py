"""Any identity name, any SKU."""

from __future__ import annotations

from hypothesis import strategies as st

from catalog_svc.domain.codes import COLOR_FORM, CONDITION_FORM, SIZE_FORM
from catalog_svc.domain.identifiers import IdentityName, IdentityType
from catalog_svc.domain.sku import Sku

product_ids = st.integers(0, 99_999)
other_types = st.sampled_from([kind for kind in IdentityType if kind is not IdentityType.PART])
parts = st.builds(IdentityName, product_ids, st.just(IdentityType.PART), st.integers(1, 99))
names = st.one_of(parts, st.builds(IdentityName, product_ids, other_types))


def codes(form: str) -> st.SearchStrategy[str]:
    """Any code of a registry."""
    return st.from_regex(form, fullmatch=True)


skus = st.builds(
    Sku,
    names,
    st.none() | codes(COLOR_FORM),
    st.none() | codes(SIZE_FORM),
    codes(CONDITION_FORM),
)
