"""Which SKUs name the same thing in another condition."""

from __future__ import annotations

import pytest

from inventory_svc.domain.variant import is_other_condition


@pytest.mark.parametrize(
    ("sku", "other"),
    [("00845", "00845-N"), ("00845-P-1-WY-N", "00845-P-1-WY"), ("00845-B", "00845-B-R"), ("00845-N", "00845-R")],
)
def test_same_thing_in_another_condition(sku: str, other: str) -> None:
    assert is_other_condition(sku, other)
    assert is_other_condition(other, sku)


@pytest.mark.parametrize(
    ("sku", "other"),
    [("00845", "00846"), ("00845", "00845-B"), ("00845-P-1", "00845-P-2"), ("00845-BK-N", "00845-WY-N")],
)
def test_another_thing(sku: str, other: str) -> None:
    assert not is_other_condition(sku, other)
