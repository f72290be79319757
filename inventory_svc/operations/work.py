"""How a change is carried out: in a transaction that also stores its answer, or as the one statement it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.idempotency import Idempotency
from inventory_svc.storage.session import PoolSession, Session, TransactionSession

__all__ = ["Session", "TransactionSession", "Work"]

M = TypeVar("M", bound=Message)


class Work:
    """`pool` serves reads and single statements, `reports` reads that take long, on a standby where there is one.

    `after_commit` wakes the change feed; `once` does so by itself.
    """

    def __init__(
        self, pool: PoolSession, once: Idempotency, after_commit: Callable[[], None], reports: PoolSession | None = None
    ) -> None:
        self.pool = pool
        self.reports = reports or pool
        self._once = once
        self._after_commit = after_commit

    async def in_transaction(
        self,
        request: Message,
        answer_type: type[M],
        change: Callable[[TransactionSession], Awaitable[M]],
        *,
        body: bytes | None = None,
    ) -> M:
        """A change of several statements, once per request id. `body` stands for the request where it is a stream."""

        async def on_connection(connection: AsyncConnection) -> M:
            return await change(TransactionSession(connection))

        return await self._once.run(request, answer_type, on_connection, body=body)

    async def on_one_unit(self, request: Any, answer_type: type[M], change: Callable[[Session], Awaitable[M]]) -> M:
        """A change of one unit: with a request id in a transaction with its answer, without as a statement of its own."""
        if request.request_id:
            return await self.in_transaction(request, answer_type, change)
        answer = await change(self.pool)
        self._after_commit()
        return answer
