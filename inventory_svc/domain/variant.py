"""What inventory knows of a variant: its id, SKU and family. None of them ever changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownVariant:
    """A variant of the catalog."""

    variant_id: int
    sku: str
    product_id: int


def clean_sku(sku: str) -> str:
    """SKUs are written in capitals without surrounding blanks."""
    return sku.strip().upper()
