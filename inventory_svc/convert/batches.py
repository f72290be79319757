"""The results of a batch to protos."""

from __future__ import annotations

from collections.abc import Sequence

from usav.inventory.v1 import batches_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from inventory_svc.convert.items import STATUS_VALUE, item_message
from inventory_svc.operations.batches import Result

# The units themselves are told of a small move only.
_MOST_ITEMS = 1_000


def batch_response(results: Sequence[Result]) -> batches_pb2.BatchUnitsResponse:
    """One result per unit, and how many went which way."""
    refused = sum(result.refused is not None for result in results)
    return batches_pb2.BatchUnitsResponse(
        results=[_result(result) for result in results], done_units=len(results) - refused, refused_units=refused
    )


def move_response(results: Sequence[Result]) -> service.BatchMoveItemsResponse:
    """The same, and the units when they are few."""
    told = batch_response(results)
    moved = [result.item for result in results if result.item and result.refused is None]
    return service.BatchMoveItemsResponse(
        items=[item_message(item) for item in moved] if len(results) <= _MOST_ITEMS else (),
        results=told.results,
        done_units=told.done_units,
        refused_units=told.refused_units,
    )


def _result(result: Result) -> batches_pb2.UnitResult:
    status = STATUS_VALUE[result.item.status] if result.item else item_pb2.Item.STATUS_UNSPECIFIED
    refused = result.refused
    return batches_pb2.UnitResult(
        item_id=result.item_id,
        serial_number=result.serial_number,
        done=refused is None,
        status=status,
        reason=refused.reason if refused else "",
        message=refused.message if refused else "",
    )
