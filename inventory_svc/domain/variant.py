"""What inventory knows of a variant: its id, SKU and family. None of them ever changes."""

from __future__ import annotations

from dataclasses import dataclass

# Bundle, kit, service: the identity types that stand in a SKU as a letter alone.
_TYPES = frozenset("BKS")


@dataclass(frozen=True, slots=True)
class KnownVariant:
    """A variant of the catalog."""

    variant_id: int
    sku: str
    product_id: int


def is_other_condition(sku: str, other: str) -> bool:
    """Whether two SKUs name the same thing, in the same condition or not."""
    return _without_condition(sku) == _without_condition(other)


def _without_condition(sku: str) -> str:
    """The condition is a last part of one letter; the letter behind the family (`00845-B`) is the identity's type."""
    parts = sku.split("-")
    is_type = len(parts) == 2 and parts[1] in _TYPES
    return sku if is_type or len(parts) < 2 or not (len(parts[-1]) == 1 and parts[-1].isalpha()) else sku[:-2]


def clean_sku(sku: str) -> str:
    """SKUs are written in capitals without surrounding blanks."""
    return sku.strip().upper()
