"""Merges new orders that come in at the same time into one transaction: the way of nearly every sale.

Only what is simple goes this way: orders not seen before, whose lines are a few units of plain variants, and that the free units
suffice for. Whatever else there is (repeats, bundles, named serial numbers, shortage, units that others have locked) is left to
`allocate_units`, one order to a transaction, which knows all the rules and tells what is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from chassis.database import Database
from chassis.errors import HubError
from chassis.idempotency import AnsweredMeanwhile, RequestKey, StoredAnswers
from inventory_svc.domain.allocation import LineState, StoredLine
from inventory_svc.domain.errors import OrderMeanwhile
from inventory_svc.domain.item import Item
from inventory_svc.operations.allocate_units import AllocatedLine, AllocateUnits, all_done
from inventory_svc.operations.changing import by_the_hub
from inventory_svc.operations.together import Together
from inventory_svc.operations.turns import Turns
from inventory_svc.storage import allocations, unit_changes
from inventory_svc.storage.allocations import NewLine
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Claim, Sale

M = TypeVar("M", bound=Message)

# Orders to a transaction, and the units of one that may join it: so that none waits long for the others.
_MOST_ORDERS = 64
_MOST_UNITS = 50


@dataclass(frozen=True, slots=True)
class _Asked:
    order: AllocateUnits
    key: RequestKey | None


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An order with the units of each of its lines."""

    asked: _Asked
    units: Sequence[Sequence[int]]


class AllocateTogether(Generic[M]):
    """Allocates orders, several to a transaction where that is possible. `show` makes the answer of an order's lines."""

    def __init__(
        self,
        db: Database,
        answers: StoredAnswers,
        answer_type: type[M],
        show: Callable[[str, Sequence[AllocatedLine]], M],
    ) -> None:
        self._db = db
        self._answers = answers
        self._answer_type = answer_type
        self._show = show
        self._turns = Turns()
        self._together: Together[_Asked, M] = Together(
            self._serve, key=lambda asked: asked.order.order_reference, most=_MOST_ORDERS
        )

    async def run(self, order: AllocateUnits, key: RequestKey | None, alone: Callable[[], Awaitable[M]]) -> M:
        """The order's answer; `alone` is the other way, for what is not simple. Calls for one order wait for each other.

        Raises what `alone` raises, and RequestIdReused.
        """
        async with self._turns.of(order.order_reference):
            answer = await self._quickly(_Asked(order, key)) if _is_simple(order) else None
            return await alone() if answer is None else answer

    async def _quickly(self, asked: _Asked) -> M | None:
        try:
            return await self._together.ask(asked)
        except (AnsweredMeanwhile, OrderMeanwhile):
            return None

    async def _serve(self, batch: Sequence[_Asked]) -> list[M | HubError | None]:
        async with self._db.hot_transaction() as session:
            keys = [asked.key for asked in batch if asked.key]
            stored = await self._answers.find(session.rows, keys, self._answer_type) if keys else {}
            chosen = await _choose(session, [asked for asked in batch if asked.key not in stored])
            done = await self._carry_out(session, chosen)
            if kept := {each.asked.key: done[_name(each.asked)] for each in chosen if each.asked.key}:
                await self._answers.keep(session.rows, kept)
        return [stored[asked.key] if asked.key in stored else done.get(_name(asked)) for asked in batch]

    async def _carry_out(self, session: Session, chosen: Sequence[_Chosen]) -> dict[str, M]:
        if not chosen:
            return {}
        lines = await _add_lines(session, chosen)
        items = await _take(session, chosen, lines)
        return {
            _name(each.asked): self._show(
                _name(each.asked),
                [
                    _allocated(line, units, items)
                    for line, units in zip(lines[_name(each.asked)], each.units, strict=True)
                ],
            )
            for each in chosen
        }


def _name(asked: _Asked) -> str:
    return asked.order.order_reference


def _is_simple(order: AllocateUnits) -> bool:
    plain = not any(line.serial_numbers or line.recipe for line in order.lines)
    # Of a bound caller's order the units are picked in some warehouses only.
    return plain and order.cause.warehouses is None and sum(line.quantity for line in order.lines) <= _MOST_UNITS


async def _choose(session: Session, batch: Sequence[_Asked]) -> list[_Chosen]:
    """Locks free units, oldest first, and shares them out in the order of asking, between orders that have no lines yet.

    Orders that come short get none.
    """
    if not batch:
        return []
    seen, due = await allocations.look_before(session, [_name(asked) for asked in batch], list(_demand(_orders(batch))))
    fresh = [asked for asked in batch if _name(asked) not in seen]
    if due:
        await unit_changes.expire(session, due, by_the_hub(batch[0].order.cause))
    free = await allocations.take_free(session, _demand(_orders(fresh)), None) if fresh else {}
    return [_Chosen(asked, units) for asked in fresh if (units := _share(asked.order, free)) is not None]


def _orders(batch: Sequence[_Asked]) -> list[AllocateUnits]:
    return [asked.order for asked in batch]


def _demand(orders: Sequence[AllocateUnits]) -> dict[int, int]:
    """How many units of each variant are asked for, by rising variant id."""
    demand: dict[int, int] = {}
    for order in orders:
        for line in order.lines:
            demand[line.variant_id] = demand.get(line.variant_id, 0) + line.quantity
    return dict(sorted(demand.items()))


def _share(order: AllocateUnits, free: dict[int, list[int]]) -> list[list[int]] | None:
    """The units of each line, taken out of `free`; None, and nothing taken, when they do not suffice."""
    if any(len(free.get(variant_id, ())) < count for variant_id, count in _demand([order]).items()):
        return None
    units = []
    for line in order.lines:
        pile = free[line.variant_id]
        units.append(pile[: line.quantity])
        free[line.variant_id] = pile[line.quantity :]
    return units


async def _add_lines(session: Session, chosen: Sequence[_Chosen]) -> dict[str, list[StoredLine]]:
    orders = [each.asked.order for each in chosen]
    rows = [
        NewLine(order.order_reference, line.line_id, line.variant_id, line.quantity, _state(order))
        for order in orders
        for line in order.lines
    ]
    ids = await allocations.insert_lines(session, rows)
    return {
        order.order_reference: [
            StoredLine(
                ids[order.order_reference, line.line_id],
                *(line.line_id, line.variant_id, line.sku, line.quantity, _state(order)),
            )
            for line in order.lines
        ]
        for order in orders
    }


def _state(order: AllocateUnits) -> LineState:
    return LineState.SOLD if order.sell else LineState.HELD


async def _take(
    session: Session, chosen: Sequence[_Chosen], lines: Mapping[str, Sequence[StoredLine]]
) -> dict[int, Item]:
    claims: list[Claim] = []
    sales: list[Sale] = []
    for each in chosen:
        order = each.asked.order
        for asked, line, units in zip(order.lines, lines[order.order_reference], each.units, strict=True):
            if order.sell:
                sales += [Sale(unit, asked.sale_price, order.cause, line.id) for unit in units]
            else:
                claims += [Claim(unit, order.hold_for, order.cause, line.id) for unit in units]
    held = await unit_changes.reserve(session, claims) if claims else []
    sold = await unit_changes.sell(session, sales) if sales else []
    all_done([*claims, *sales], [*held, *sold])
    return {item.id: item for item in (*held, *sold)}


def _allocated(line: StoredLine, units: Iterable[int], items: Mapping[int, Item]) -> AllocatedLine:
    return AllocatedLine(line, [items[unit] for unit in units])
