"""Same request id, same answer: the answer of a mutation is stored in the transaction of its effect (AIP-155).

A second call with the id waits for the first at the primary key, then gets its answer; with another body it is refused.
Answers are kept for 24 hours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import (
    Column,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.context import current_call
from chassis.database import Database, Statement
from chassis.errors import InvalidArgument, Violation

M = TypeVar("M", bound=Message)
KEPT_HOURS = 24


class RequestIdReused(InvalidArgument):
    """The request id stands for another request already."""

    reason = "REQUEST_ID_REUSED"


def idempotency_table(metadata: MetaData) -> Table:
    """Declares the table of stored answers in a service's schema."""
    return Table(
        "stored_answer",
        metadata,
        Column("actor", Text, primary_key=True),
        Column("method", Text, primary_key=True),
        Column("request_id", Text, primary_key=True),
        Column("body_hash", LargeBinary, nullable=False),
        Column("answer", LargeBinary),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    )


class Idempotency:
    """Runs mutations once per request id. `after_commit` is called after each commit (to wake a change feed)."""

    def __init__(self, db: Database, table: Table, after_commit: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._after_commit = after_commit
        key = (
            (table.c.actor == bindparam("the_actor"))
            & (table.c.method == bindparam("the_method"))
            & (table.c.request_id == bindparam("the_id"))
        )
        self._claim = insert(table).on_conflict_do_nothing().returning(table.c.request_id)
        self._stored = select(table.c.body_hash, table.c.answer).where(key)
        self._store = update(table).where(key).values(answer=bindparam("the_answer"))
        old = table.c.created_at < func.now() - text(f"interval '{KEPT_HOURS} hours'")
        self._trim = Statement(delete(table).where(old))

    async def run(
        self,
        request: Message,
        answer_type: type[M],
        work: Callable[[AsyncConnection], Awaitable[M]],
        *,
        body: bytes | None = None,
    ) -> M:
        """One transaction around `work`. `body` stands for the request where the request message alone does not tell (streams).

        Safe to repeat with the same request id. Raises RequestIdReused, and what `work` raises.
        """
        request_id: str = getattr(request, "request_id", "")
        if not request_id:
            answer = await self._db.run(work)
        else:
            digest = hashlib.sha256(request.SerializeToString(deterministic=True) if body is None else body).digest()
            answer = await self._db.run(lambda conn: self._once(conn, request_id, digest, answer_type, work))
        self._after_commit()
        return answer

    async def _once(
        self,
        conn: AsyncConnection,
        request_id: str,
        digest: bytes,
        answer_type: type[M],
        work: Callable[[AsyncConnection], Awaitable[M]],
    ) -> M:
        call = current_call()
        key = {"actor": call.principal.user_id, "method": call.method, "request_id": request_id}
        named = {"the_actor": key["actor"], "the_method": key["method"], "the_id": request_id}
        claimed = (await conn.execute(self._claim, {**key, "body_hash": digest})).first()
        if claimed is None:
            stored = (await conn.execute(self._stored, named)).one()
            return _replay(stored.body_hash, stored.answer, digest, answer_type)
        answer = await work(conn)
        await conn.execute(self._store, {**named, "the_answer": answer.SerializeToString()})
        return answer

    async def trim(self) -> None:
        """Deletes answers past their 24 hours. Safe to repeat."""
        await self._db.execute(self._trim)


def _replay(stored_hash: bytes, answer: bytes, digest: bytes, answer_type: type[M]) -> M:
    if bytes(stored_hash) != digest:
        text_ = "was used before with a different request; take a new id for a new request"
        raise RequestIdReused(f"request_id: {text_}", violations=(Violation("request_id", text_),))
    return answer_type.FromString(bytes(answer))
