"""The database computes the names that the domain reads, for any identity and any variant."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_svc.domain.codes import DEFAULT_CONDITION
from catalog_svc.domain.identifiers import parse_hex_signature
from catalog_svc.domain.search import read_question
from tests.integration.catalog.harness import CatalogHub
from tests.property.catalog.strategies import names, skus

T = TypeVar("T")
_SKU_OF_A_ROW = """
    SELECT given.upis_h || COALESCE('-' || color, '') || COALESCE('-' || size, '')
      || COALESCE('-' || NULLIF(condition, 'U'), '') AS sku
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS given(upis_h, color, size, condition)"""


def many(strategy: st.SearchStrategy[T]) -> list[T]:
    """Some hundred examples at once: one statement then checks them all."""
    gathered: list[T] = []

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def gather(example: T) -> None:
        gathered.append(example)

    gather()
    return gathered


async def test_names_of_identities_agree(hub: CatalogHub) -> None:
    gathered = many(names)
    rows = await hub.rows(
        """SELECT catalog.upis_h(p, t, c) AS upis_h, catalog.hex_signature(p, t, c) AS signature
           FROM unnest($1::int[], $2::text[], $3::smallint[]) AS given(p, t, c)""",
        [name.product_id for name in gathered],
        [name.type.value for name in gathered],
        [name.component_index for name in gathered],
    )
    assert [(row["upis_h"], row["signature"]) for row in rows] == [
        (name.upis_h, name.hex_signature) for name in gathered
    ]
    assert [parse_hex_signature(row["signature"]) for row in rows] == gathered


async def test_skus_agree(hub: CatalogHub) -> None:
    gathered = many(skus)
    expression = await hub.rows(
        "SELECT generation_expression FROM information_schema.columns WHERE table_name = 'variant' AND column_name = 'full_sku'"
    )
    assert "NULLIF(condition_code, 'U'::text)" in expression[0]["generation_expression"]
    rows = await hub.rows(
        _SKU_OF_A_ROW,
        [sku.identity.upis_h for sku in gathered],
        [sku.color for sku in gathered],
        [sku.size for sku in gathered],
        [sku.condition or DEFAULT_CONDITION for sku in gathered],
    )
    assert [row["sku"] for row in rows] == [str(sku) for sku in gathered]


async def test_words_are_read_alike(hub: CatalogHub) -> None:
    known = ["Größe Café VCS-10", "ﬁne ½ Ⅷ", "A\u0301b", "x_y", "Bose® Wave™", "12\u00a034", "ΑΒΓ Ж"]
    gathered = known + many(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
    rows = await hub.rows("SELECT catalog.search_words(t) AS words FROM unnest($1::text[]) AS given(t)", gathered)
    for text, row in zip(gathered, rows, strict=True):
        if text.isascii() or text.isalpha():
            assert set(read_question(text).words) <= {word[:32] for word in row["words"].split()}, text
