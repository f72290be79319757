"""The warehouses that a caller is bound to. None is not bound: the hub itself, and everybody without a scope.

Whoever is bound sees and changes what lies at locations of those warehouses, and puts things there only. What lies nowhere, or
at a location without a warehouse, lies outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from inventory_svc.domain.errors import OutsideWarehouses

Warehouses = frozenset[str] | None


def admits(bound: Warehouses, warehouse: str) -> bool:
    """Whether somebody bound so may act in the warehouse."""
    return bound is None or warehouse in bound


def check_warehouse(bound: Warehouses, warehouse: str) -> None:
    """Raises OutsideWarehouses."""
    if bound is not None and warehouse not in bound:
        raise OutsideWarehouses.of("warehouse", warehouse, bound)


def refuse_units(bound: frozenset[str], outside: Iterable[int]) -> None:
    """Raises OutsideWarehouses for the first of the units, if there is one."""
    for item_id in sorted(outside):
        raise OutsideWarehouses.of("item_id", str(item_id), bound)
