"""Applies orders of the channels to stock, each line exactly once, however often and by whatever way the order comes.

Three steps: store the order as its platform shows it, ask inventory (which knows order reference and line id, so that a repeat
changes nothing), record the outcome. No transaction is open while inventory is asked; a crash anywhere repeats the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import Aborted, Code, HubError
from sync_svc.channels.base import ChannelOrder
from sync_svc.domain.order import Line, Order, OrderReason, OrderStatus, applied, in_trouble, verdict
from sync_svc.storage.deliveries import OrderTask, queue_orders
from sync_svc.storage.order_intake import record_outcome, store_seen
from sync_svc.upstream import Allocator

# What inventory may say again later, or does not say at all: the task is tried again.
_TRY_AGAIN = frozenset(
    {
        Code.UNAVAILABLE,
        Code.DEADLINE_EXCEEDED,
        Code.ABORTED,
        Code.RESOURCE_EXHAUSTED,
        Code.UNAUTHENTICATED,
        Code.INTERNAL,
    }
)


class TaskLost(Aborted):
    """Another worker has the order now; its outcome counts."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An order after it was applied (its shipments are not told), and whether anything about it is new."""

    order: Order
    changed: bool


class OrderIntake:
    """Takes orders in."""

    def __init__(self, db: Database, allocator: Allocator) -> None:
        self._db = db
        self._allocator = allocator

    async def see(self, task: OrderTask, seen: ChannelOrder, *, insists: bool = False) -> Order | None:
        """Store what a platform shows; None when a newer state is stored and the platform does not insist on the older one.

        The next push of its listings is sent for sure, because the platform has changed their quantities itself.
        """
        return await store_seen(self._db, task.channel_id, seen, insisting=task if insists else None)

    async def apply(self, task: OrderTask, order: Order, *, cancelled: bool) -> Taken:
        """Hold, sell or give back the units of a stored order and record the outcome, which ends the task.

        Safe to repeat. Raises TaskLost when the lease is gone (the order is then applied once more, because what was asked of
        inventory here may have landed after what the other worker asked), HubError when inventory cannot answer now.
        """
        void = cancelled or (bool(order.lines) and all(line.cancelled for line in order.lines))
        lines = await self._give_back(order) if void else await self._allocate(order)
        outcome = verdict(lines, paid=order.paid, cancelled=void)
        if not await record_outcome(self._db, task, order, lines, outcome):
            await self._ask_again(task)
            raise TaskLost(f"Order {order.id} is being applied by another worker.")
        status, reason, message = outcome
        after = replace(order, status=status, reason=reason, message=message, lines=lines)
        return Taken(after, changed=(after.status, list(after.lines)) != (order.status, list(order.lines)))

    async def _ask_again(self, task: OrderTask) -> None:
        async def work(conn: AsyncConnection) -> None:
            await queue_orders(conn, task.channel_id, [task.external_order_id])

        await self._db.run(work)

    async def _give_back(self, order: Order) -> list[Line]:
        """What is still in the house is free again; what has left it stays sold, until it is taken in as a return."""
        here = [line for line in order.lines if not line.has_left]
        if len(here) == len(order.lines):
            await self._allocator.release(order.reference)
        else:
            await self._release_lines(order, here)
            await self._release_former(order)
        return [
            replace(line, applied=line.applied and bool(line.has_left), reason=None, message="") for line in order.lines
        ]

    async def _release_lines(self, order: Order, lines: Sequence[Line]) -> None:
        """What inventory may not know is asked for by itself, because one unknown line refuses a whole request."""
        if known := [line.stock_line_id for line in lines if line.applied]:
            await self._allocator.release(order.reference, known)
        for stock_line_id in (line.stock_line_id for line in lines if not line.applied):
            await self._allocator.release(order.reference, [stock_line_id])

    async def _release_former(self, order: Order) -> None:
        """What lines had before they began anew, which may be not all that they were."""
        for stock_line_id in (former for line in order.lines for former in line.former_stock_line_ids):
            await self._allocator.release(order.reference, [stock_line_id])

    async def _allocate(self, order: Order) -> list[Line]:
        await self._release_lines(order, [line for line in order.lines if line.cancelled and not line.has_left])
        await self._release_former(order)
        wanted = [line for line in order.lines if line.is_known and not line.cancelled]
        outcomes = {line.line_id: line for line in await self._allocate_lines(order, wanted)}
        return [outcomes.get(line.line_id) or _without_stock(line) for line in order.lines]

    async def _allocate_lines(self, order: Order, wanted: Sequence[Line]) -> list[Line]:
        """All lines at once; when that is refused, each on its own, so that only those in trouble wait for a person."""
        if not wanted:
            return []
        try:
            units = await self._allocator.allocate(order.reference, wanted, sell=order.paid)
        except HubError as error:
            if error.code in _TRY_AGAIN:
                raise
            if len(wanted) == 1:
                return [_refused(wanted[0], error)]
            return [outcome for line in wanted for outcome in await self._allocate_lines(order, [line])]
        return [applied(line, units[line.line_id]) for line in wanted]


def is_open(order: Order) -> bool:
    """Whether a person may resolve it."""
    return order.status in (OrderStatus.NEEDS_ATTENTION, OrderStatus.NEW)


def _refused(line: Line, error: HubError) -> Line:
    reason = OrderReason.OUT_OF_STOCK if error.reason == "OUT_OF_STOCK" else OrderReason.REFUSED
    return in_trouble(line, reason, error.message)


def _without_stock(line: Line) -> Line:
    if line.cancelled:
        return replace(line, applied=line.applied and bool(line.has_left), reason=None, message="")
    sku = line.platform_sku or "(none)"
    return in_trouble(line, OrderReason.UNKNOWN_SKU, f"no listing of the channel has the SKU {sku}")
