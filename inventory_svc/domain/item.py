"""A physical unit and the moves its status allows. This table is the only one; the database's guard is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory_svc.domain.errors import HeldForAnother, StatusForbids
from inventory_svc.domain.money import Money


class Status(StrEnum):
    """Where a unit stands in its life."""

    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    SOLD = "SOLD"
    RMA = "RMA"
    DAMAGED = "DAMAGED"
    WRITTEN_OFF = "WRITTEN_OFF"


class Action(StrEnum):
    """What can be done to a unit; the ledger's word for it."""

    RECEIVE = "RECEIVE"
    MOVE = "MOVE"
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"
    EXPIRE = "EXPIRE"
    SELL = "SELL"
    CANCEL_SALE = "CANCEL_SALE"
    EDIT = "EDIT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Rule:
    """The statuses an action starts from, and the one it ends in; None leaves the status as it is."""

    before: frozenset[Status]
    after: Status | None


ON_HAND = frozenset({Status.AVAILABLE, Status.RESERVED, Status.RMA, Status.DAMAGED})

RULES: Mapping[Action, Rule] = {
    Action.RESERVE: Rule(frozenset({Status.AVAILABLE}), Status.RESERVED),
    Action.RELEASE: Rule(frozenset({Status.RESERVED}), Status.AVAILABLE),
    Action.EXPIRE: Rule(frozenset({Status.RESERVED}), Status.AVAILABLE),
    Action.SELL: Rule(frozenset({Status.AVAILABLE, Status.RESERVED}), Status.SOLD),
    Action.CANCEL_SALE: Rule(frozenset({Status.SOLD}), Status.AVAILABLE),
    Action.MOVE: Rule(ON_HAND, None),
    Action.EDIT: Rule(frozenset(Status), None),
    Action.DELETE: Rule(frozenset({Status.AVAILABLE}), None),
}


def allowed_moves() -> frozenset[tuple[Status, Status]]:
    """Every pair of different statuses that some action leads through."""
    pairs = ((before, rule.after) for rule in RULES.values() for before in rule.before)
    return frozenset((before, after) for before, after in pairs if after is not None)


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation of one unit. From `expires_at` on it holds nothing."""

    id: int
    order_reference: str
    holder_id: str
    holder_name: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One unit as a reader sees it: a hold that has expired is gone, and its unit AVAILABLE."""

    id: int
    variant_id: int
    sku: str
    serial_number: str
    status: Status
    location: str
    unit_cost: Money | None
    notes: str
    hold: Hold | None
    order_reference: str
    sale_price: Money | None
    received_at: datetime
    sold_at: datetime | None
    updated_at: datetime
    version: int


def check(item: Item, action: Action) -> None:
    """Passes when the unit's status allows the action. Raises StatusForbids naming the status."""
    if item.status not in RULES[action].before:
        raise StatusForbids.of(item.id, item.status.value, action.value)


def check_release(item: Item, order_reference: str) -> None:
    """A hold can be given up by anybody who may release; an order reference that is given must be the hold's.

    Raises StatusForbids, HeldForAnother.
    """
    check(item, Action.RELEASE)
    if item.hold and order_reference and item.hold.order_reference != order_reference:
        raise HeldForAnother.of(item.id, item.hold.order_reference)


def check_sell(item: Item, order_reference: str, seller_id: str) -> None:
    """A free unit sells to anybody; a held one under the order it is held for, or to its holder.

    Raises StatusForbids, HeldForAnother.
    """
    check(item, Action.SELL)
    if item.hold is None:
        return
    same_order = bool(order_reference) and item.hold.order_reference == order_reference
    if not same_order and item.hold.holder_id != seller_id:
        raise HeldForAnother.of(item.id, item.hold.order_reference)
