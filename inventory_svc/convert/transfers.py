"""Transfers to protos."""

from __future__ import annotations

from collections.abc import Sequence

from usav.inventory.v1 import transfer_pb2

from inventory_svc.convert.items import STATUS_VALUE
from inventory_svc.convert.values import to_timestamp
from inventory_svc.domain.transfer import Transfer, TransferUnit


def transfer_message(transfer: Transfer, units: Sequence[TransferUnit] = ()) -> transfer_pb2.Transfer:
    """The transfer as callers see it."""
    return transfer_pb2.Transfer(
        id=transfer.id,
        to_warehouse=transfer.to_warehouse,
        note=transfer.note,
        shipped_units=transfer.shipped_units,
        in_transit_units=transfer.in_transit_units,
        shipped_by=transfer.shipped_by,
        ship_time=to_timestamp(transfer.shipped_at),
        units=[_unit(unit) for unit in units],
    )


def _unit(unit: TransferUnit) -> transfer_pb2.TransferUnit:
    return transfer_pb2.TransferUnit(
        item_id=unit.item_id,
        serial_number=unit.serial_number,
        sku=unit.sku,
        shipped_status=STATUS_VALUE[unit.shipped_status],
        in_transit=unit.is_in_transit,
    )
