"""A physical unit and the moves its status allows. This table is the only one; the database's guard is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory_svc.domain.errors import HeldForAnother, SoldUnderAnother, StatusForbids
from inventory_svc.domain.money import Money


class Status(StrEnum):
    """Where a unit stands in its life."""

    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    SOLD = "SOLD"
    RMA = "RMA"
    DAMAGED = "DAMAGED"
    WRITTEN_OFF = "WRITTEN_OFF"
    IN_TRANSIT = "IN_TRANSIT"


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
    RETURN = "RETURN"
    INSPECT = "INSPECT"
    RESTOCK = "RESTOCK"
    DAMAGE = "DAMAGE"
    REPAIR = "REPAIR"
    WRITE_OFF = "WRITE_OFF"
    FIND = "FIND"
    SHIP = "SHIP"
    ARRIVE = "ARRIVE"
    EXTEND = "EXTEND"


@dataclass(frozen=True, slots=True)
class Rule:
    """The statuses an action starts from, and the one it ends in; None leaves the status as it is.

    An action that gives a unit back an earlier status names those in `back_to` instead.
    """

    before: frozenset[Status]
    after: Status | None
    back_to: frozenset[Status] = frozenset()


# What is in the house, and what the hub owns: the same and what is on its way between warehouses.
IN_HOUSE = frozenset({Status.AVAILABLE, Status.RESERVED, Status.RMA, Status.DAMAGED})
ON_HAND = IN_HOUSE | {Status.IN_TRANSIT}
_UNPROMISED = frozenset({Status.AVAILABLE, Status.RMA, Status.DAMAGED})

RULES: Mapping[Action, Rule] = {
    Action.RESERVE: Rule(frozenset({Status.AVAILABLE}), Status.RESERVED),
    Action.RELEASE: Rule(frozenset({Status.RESERVED}), Status.AVAILABLE),
    Action.EXPIRE: Rule(frozenset({Status.RESERVED}), Status.AVAILABLE),
    Action.EXTEND: Rule(frozenset({Status.RESERVED}), None),
    Action.SELL: Rule(frozenset({Status.AVAILABLE, Status.RESERVED}), Status.SOLD),
    Action.CANCEL_SALE: Rule(frozenset({Status.SOLD}), Status.AVAILABLE),
    Action.MOVE: Rule(IN_HOUSE, None),
    Action.EDIT: Rule(frozenset(Status), None),
    Action.DELETE: Rule(frozenset({Status.AVAILABLE}), None),
    Action.RETURN: Rule(frozenset({Status.SOLD}), Status.RMA),
    Action.INSPECT: Rule(_UNPROMISED, None),
    Action.RESTOCK: Rule(frozenset({Status.RMA, Status.DAMAGED}), Status.AVAILABLE),
    Action.DAMAGE: Rule(frozenset({Status.AVAILABLE, Status.RMA}), Status.DAMAGED),
    Action.REPAIR: Rule(frozenset({Status.DAMAGED}), Status.RMA),
    Action.WRITE_OFF: Rule(_UNPROMISED | {Status.IN_TRANSIT}, Status.WRITTEN_OFF),
    Action.FIND: Rule(frozenset({Status.WRITTEN_OFF}), Status.RMA),
    Action.SHIP: Rule(_UNPROMISED, Status.IN_TRANSIT),
    Action.ARRIVE: Rule(frozenset({Status.IN_TRANSIT}), None, back_to=_UNPROMISED),
}


def allowed_moves() -> frozenset[tuple[Status, Status]]:
    """Every pair of different statuses that some action leads through."""
    return frozenset(
        (before, after)
        for rule in RULES.values()
        for before in rule.before
        for after in (rule.back_to if rule.after is None else (rule.after,))
    )


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
    grade: str = ""
    rma_number: str = ""
    transfer_id: int = 0


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


def check_return(item: Item, order_reference: str) -> None:
    """A sold unit comes back; an order reference that is given must be that of the sale.

    Raises StatusForbids, SoldUnderAnother.
    """
    check(item, Action.RETURN)
    if order_reference and item.order_reference != order_reference:
        raise SoldUnderAnother.of(item.id, item.order_reference)


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
