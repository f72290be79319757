"""Units on their way between warehouses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_svc.domain.errors import OnAnotherTransfer
from inventory_svc.domain.item import Action, Item, Status, check


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer without its units."""

    id: int
    to_warehouse: str
    note: str
    shipped_units: int
    in_transit_units: int
    shipped_by: str
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class TransferUnit:
    """One unit of a transfer, and whether it is on its way still."""

    item_id: int
    serial_number: str
    sku: str
    shipped_status: Status
    is_in_transit: bool


def check_arrival(item: Item, transfer_id: int) -> None:
    """Passes when the unit is on its way with this transfer. Raises StatusForbids, OnAnotherTransfer."""
    check(item, Action.ARRIVE)
    if item.transfer_id != transfer_id:
        raise OnAnotherTransfer.of(item.id, item.transfer_id)
