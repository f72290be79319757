"""Same request id, same answer: the answer of a mutation is stored in the transaction of its effect (AIP-155).

A second call with the id waits for the first at the primary key, then gets its answer; with another body it is refused.
Answers are kept for 24 hours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

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
from chassis.database_errors import ConstraintDetail
from chassis.errors import Aborted, HubError, InvalidArgument, Violation

M = TypeVar("M", bound=Message)
KEPT_HOURS = 24


class RequestIdReused(InvalidArgument):
    """The request id stands for another request already."""

    reason = "REQUEST_ID_REUSED"


class AnsweredMeanwhile(Aborted):
    """Another call with the same request id was committed first; its answer can be read now."""


def answered_meanwhile(detail: ConstraintDetail) -> HubError:
    """What a service's constraints say of `pk_stored_answer`, where it uses StoredAnswers."""
    return AnsweredMeanwhile(
        "Another call with this request id was carried out just now; repeat it.", retry_after_s=0.05
    )


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
            digest = _digest(request, body)
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


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Whose request it is, and what it asks: the answer of one is never given to the other."""

    actor: str
    method: str
    request_id: str
    digest: bytes

    @property
    def name(self) -> tuple[str, str, str]:
        """What the answer is stored under."""
        return self.actor, self.method, self.request_id


def key_of(request: Message) -> RequestKey | None:
    """The key of the present call's request; None without a request id."""
    request_id: str = getattr(request, "request_id", "")
    if not request_id:
        return None
    call = current_call()
    return RequestKey(call.principal.user_id, call.method, request_id, _digest(request))


class Rows(Protocol):
    """Runs a statement in a transaction and gives its rows."""

    def __call__(self, statement: Statement, **parameters: Any) -> Awaitable[Sequence[Any]]: ...


class StoredAnswers:
    """The stored answers of many calls at once, for transactions that many callers share.

    The effects come first and their answers after them, in the order of their keys. A call whose answer another one stored
    meanwhile breaks `pk_stored_answer`, and its effect with it.
    """

    def __init__(self, table: Table) -> None:
        names = "(actor, method, request_id)"
        asked = "unnest(CAST(:actors AS text[]), CAST(:methods AS text[]), CAST(:request_ids AS text[])"
        self._find = Statement(
            text(f"""
            SELECT stored.* FROM {asked}) AS asked {names} CROSS JOIN LATERAL (
              SELECT actor, method, request_id, body_hash, answer FROM {table.fullname} AS kept
              WHERE kept.actor = asked.actor AND kept.method = asked.method AND kept.request_id = asked.request_id LIMIT 1
            ) AS stored
            """)
        )
        self._keep = Statement(
            text(f"""
            INSERT INTO {table.fullname} (actor, method, request_id, body_hash, answer)
            SELECT * FROM {asked}, CAST(:hashes AS bytea[]), CAST(:answers AS bytea[])) ORDER BY 1, 2, 3
            """)
        )

    async def find(
        self, rows: Rows, keys: Iterable[RequestKey], answer_type: type[M]
    ) -> dict[RequestKey, M | HubError]:
        """The stored answers of those that have one; RequestIdReused where it is another request's."""
        asked = {key.name: key for key in keys}
        found = await rows(self._find, **_named(asked.values()))
        return {
            key: _replay_or_refuse(row["body_hash"], row["answer"], key.digest, answer_type)
            for row in found
            for key in [asked[row["actor"], row["method"], row["request_id"]]]
        }

    async def keep(self, rows: Rows, answers: Mapping[RequestKey, Message]) -> None:
        """Stores answers with their effects, in one transaction. Raises what `pk_stored_answer` means to the service."""
        hashes = [key.digest for key in answers]
        serialized = [answer.SerializeToString() for answer in answers.values()]
        await rows(self._keep, **_named(answers), hashes=hashes, answers=serialized)


def _named(keys: Iterable[RequestKey]) -> dict[str, list[str]]:
    columns = list(zip(*(key.name for key in keys), strict=True)) or [(), (), ()]
    return {name: list(column) for name, column in zip(("actors", "methods", "request_ids"), columns, strict=True)}


def _digest(request: Message, body: bytes | None = None) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True) if body is None else body).digest()


def _replay_or_refuse(stored_hash: bytes, answer: bytes, digest: bytes, answer_type: type[M]) -> M | HubError:
    try:
        return _replay(stored_hash, answer, digest, answer_type)
    except RequestIdReused as error:
        return error


def _replay(stored_hash: bytes, answer: bytes, digest: bytes, answer_type: type[M]) -> M:
    if bytes(stored_hash) != digest:
        text_ = "was used before with a different request; take a new id for a new request"
        raise RequestIdReused(f"request_id: {text_}", violations=(Violation("request_id", text_),))
    return answer_type.FromString(bytes(answer))
