"""Ledger rows and feed changes to protos."""

from __future__ import annotations

from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2, movement_pb2, stock_change_pb2

from inventory_svc.convert.items import STATUS_VALUE
from inventory_svc.convert.values import to_moment, to_money_message, to_timestamp
from inventory_svc.domain.item import Action, Status
from inventory_svc.domain.ledger import Movement
from inventory_svc.domain.scope import Warehouses
from inventory_svc.queries.changes import StockChange
from inventory_svc.queries.movements import MovementFilter

_ACTION_VALUE = {action: movement_pb2.Movement.Action.Value(action.value) for action in Action}
_ACTION = {value: action for action, value in _ACTION_VALUE.items()}


def movement_filter(request: service.ListMovementsRequest, inside: Warehouses) -> MovementFilter:
    """The filters of a list request, and what its caller is bound to."""
    after = to_moment(request.created_after, "created_after") if request.HasField("created_after") else None
    before = to_moment(request.created_before, "created_before") if request.HasField("created_before") else None
    return MovementFilter(
        item_id=request.item_id,
        variant_id=request.variant_id,
        sku=request.sku,
        action=_ACTION.get(request.action),
        order_reference=request.order_reference.strip(),
        actor_id=request.actor_id,
        created_after=after,
        created_before=before,
        inside=inside,
    )


def movement_message(row: Movement) -> movement_pb2.Movement:
    """The ledger row as callers see it."""
    message = movement_pb2.Movement(
        id=row.id,
        item_id=row.item_id,
        sequence=row.sequence,
        action=_ACTION_VALUE[row.action],
        variant_id=row.variant_id,
        sku=row.sku,
        before_status=_status(row.before_status),
        after_status=STATUS_VALUE[row.after_status],
        before_location=row.before_location,
        after_location=row.after_location,
        actor_id=row.cause.actor_id,
        actor_name=row.cause.actor_name,
        actor_role=row.cause.actor_role,
        reason=row.cause.reason,
        order_reference=row.cause.order_reference,
        request_id=row.cause.request_id,
        create_time=to_timestamp(row.created_at),
        previous_hash=row.previous_hash,
        hash=row.hash,
        changes=row.changes,
    )
    if row.unit_cost is not None:
        message.unit_cost.CopyFrom(to_money_message(row.unit_cost))
    if row.sale_price is not None:
        message.sale_price.CopyFrom(to_money_message(row.sale_price))
    return message


def change_message(change: StockChange, sku: str) -> stock_change_pb2.StockChange:
    """A change as the feed tells it."""
    return stock_change_pb2.StockChange(
        item_id=change.item_id,
        variant_id=change.variant_id,
        sku=sku,
        before_status=_status(change.before_status),
        after_status=STATUS_VALUE[change.after_status],
        action=_ACTION_VALUE[change.action],
        movement_id=change.movement_id,
        location=change.location,
        order_reference=change.order_reference,
        change_time=to_timestamp(change.changed_at),
        revision=change.revision,
    )


def _status(status: Status | None) -> item_pb2.Item.Status.ValueType:
    return item_pb2.Item.STATUS_UNSPECIFIED if status is None else STATUS_VALUE[status]
