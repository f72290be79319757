"""Serves an outbox as a feed: ordered, nothing twice, nothing skipped, resumable from a sealed token.

Commit order is not id order, so a reader that keeps "id > last" skips rows that commit late. The feed is therefore ordered by
(transaction id, row id) and ends before the oldest transaction still open: behind a position that was given out no row can
appear. NOTIFY wakes readers, polling backs it up. Idle readers get checkpoints.

Transaction ids mean something on one course of history only. A token therefore names the epoch it is of: a word that a restore
changes, the cluster, and the cluster's timeline, which changes when a standby takes over or an earlier time is restored.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import text

from chassis.database import Database, Statement
from chassis.database_errors import LOST
from chassis.errors import HubError, OutOfRange
from chassis.gauges import Reading, by_statement
from chassis.metrics import Rows, gauge
from chassis.outbox import OLDEST_UNSETTLED, OutboxTables
from chassis.seal import Seal

log = logging.getLogger(__name__)

READERS = gauge("hub_feed_readers", "Readers that follow a change feed of this process.", ["feed"])
UNSETTLED = Rows(
    "hub_outbox_unsettled_seconds",
    "Age of the oldest change that cannot be told yet because an older transaction is still open; 0 when there is none.",
    ["feed"],
)
KEPT = Rows("hub_outbox_oldest_seconds", "Age of the oldest change that is kept for readers.", ["feed"])

BATCH = 500
POLL_SECONDS = 0.5
# Where changes are heard of, only those are missed whose writer died before it told of them.
_LISTENING_POLLS_AS_SELDOM = 6
CHECKPOINT_SECONDS = 5.0
_NOTIFY_PAUSE_SECONDS = 0.005
_UNSETTLED_PAUSE_SECONDS = 0.004
_LAST_ID = 2**63 - 1
# The cluster and its timeline: other ones may give the same transaction ids to other changes.
_HISTORY = (
    "(SELECT system_identifier FROM pg_control_system()) || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)"
)


class ResumeTokenExpired(OutOfRange):
    """The token is older than what is kept, foreign, or altered."""

    reason = "RESUME_TOKEN_EXPIRED"

    def __init__(self) -> None:
        super().__init__(
            "The resume token is too old or not of this feed: read a snapshot again, then follow with an empty token."
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. The token continues behind it; within Entries it has none of its own."""

    resume_token: str
    kind: str
    key: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Entries:
    """Some changes in order, and the token that continues behind the last."""

    resume_token: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Nothing new up to here; the token continues from here."""

    resume_token: str


@dataclass(order=True, frozen=True, slots=True)
class _Position:
    transaction_id: int
    row_id: int


# The epoch, the position behind the rows, and the rows.
_Step = tuple[str, _Position, Sequence[Any]]


def _position(row: Any) -> _Position:
    return _Position(row["transaction_id"], row["id"])


def _entry(row: Any, token: str) -> Entry:
    return Entry(token, row["kind"], row["key"], row["payload"])


class Feed:
    """The feed of one outbox. `run` is a background task of the service; `poke` follows every commit that wrote a row."""

    def __init__(self, db: Database, tables: OutboxTables, seal: Seal, *, kept_hours: int = 48) -> None:
        self._db = db
        self._seal = seal
        self._channel = f"hub_{db.schema}_outbox"
        self._purpose = f"feed:{db.schema}"
        self._wakers: set[asyncio.Event] = set()
        self._poked = asyncio.Event()
        outbox, state = f'"{db.schema}".outbox', f'"{db.schema}".outbox_state'
        self._after = Statement(
            text(f"""
            SELECT transaction_id, id, kind, key, payload, transaction_id < {OLDEST_UNSETTLED} AS settled
            FROM {outbox} WHERE (transaction_id, id) > (CAST(:transaction_id AS bigint), CAST(:row_id AS bigint))
            ORDER BY transaction_id, id LIMIT {BATCH}""")
        )
        self._state = Statement(
            text(f"""
            SELECT epoch || '.' || {_HISTORY} AS epoch, trimmed_transaction_id, trimmed_id, {OLDEST_UNSETTLED} AS oldest_unsettled
            FROM {state}""")
        )
        self._trim = Statement(
            text(f"""
            WITH gone AS (
              DELETE FROM {outbox} WHERE created_at < now() - interval '{int(kept_hours)} hours'
                AND transaction_id < {OLDEST_UNSETTLED} RETURNING transaction_id, id),
            last AS (SELECT transaction_id, id FROM gone ORDER BY transaction_id DESC, id DESC LIMIT 1)
            UPDATE {state} SET trimmed_transaction_id = last.transaction_id, trimmed_id = last.id
            FROM last WHERE (last.transaction_id, last.id) > (trimmed_transaction_id, trimmed_id)
            """)
        )
        self._unsettled = Statement(
            text(f"""
            SELECT '{db.schema}', coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
            FROM {outbox} WHERE transaction_id >= {OLDEST_UNSETTLED}""")
        )
        self._oldest = Statement(
            text(f"""
            SELECT '{db.schema}', extract(epoch FROM clock_timestamp() - created_at)::float8
            FROM {outbox} ORDER BY transaction_id, id LIMIT 1""")
        )
        self._readers = READERS.labels(db.schema)
        self._drop_foreign = Statement(
            text(f"""
            WITH next AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS id),
            gone AS (DELETE FROM {outbox} USING next WHERE transaction_id >= next.id)
            UPDATE {state} SET trimmed_transaction_id = 0, trimmed_id = 0 FROM next WHERE trimmed_transaction_id >= next.id
            """)
        )
        self._newest = Statement(
            text(f"SELECT transaction_id, id FROM {outbox} ORDER BY transaction_id DESC, id DESC LIMIT 1")
        )
        self._is_running = False
        self._notify = Statement(text(f"SELECT pg_notify('{self._channel}', '')"))

    def poke(self) -> None:
        """Tells readers, here and on other replicas, that rows were committed. Cheap; many pokes make one NOTIFY."""
        self._poked.set()
        self._wake()

    def _wake(self) -> None:
        for waker in self._wakers:
            waker.set()

    async def current_token(self) -> str:
        """A token for "from now": everything that commits after this call comes behind it."""
        epoch, position, _ = await self._now()
        return self._token(epoch, position)

    async def follow(self, resume_token: str) -> AsyncIterator[Entry | Checkpoint]:
        """Yields changes for ever, first a Checkpoint. An empty token means from now on.

        Raises ResumeTokenExpired, also midway when the database begins another course of history; Unavailable when the database
        goes, after which the reader resumes from its last token.
        """
        async with contextlib.aclosing(self._steps(resume_token)) as steps:
            async for epoch, position, rows in steps:
                for row in rows:
                    yield _entry(row, self._token(epoch, _position(row)))
                if not rows:
                    yield Checkpoint(self._token(epoch, position))

    async def follow_in_batches(self, resume_token: str, most: int) -> AsyncIterator[Entries | Checkpoint]:
        """As `follow`, but up to `most` changes at once, as far as they are there already: one token costs as much as many
        changes. Raises what `follow` raises.
        """
        async with contextlib.aclosing(self._steps(resume_token)) as steps:
            async for epoch, position, rows in steps:
                for begin in range(0, len(rows), most):
                    batch = rows[begin : begin + most]
                    yield Entries(self._token(epoch, _position(batch[-1])), [_entry(row, "") for row in batch])
                if not rows:
                    yield Checkpoint(self._token(epoch, position))

    async def _steps(self, resume_token: str) -> AsyncGenerator[_Step, None]:
        epoch, position = await self._start(resume_token)
        yield epoch, position, ()
        waker = asyncio.Event()
        self._wakers.add(waker)
        self._readers.inc()
        try:
            async with contextlib.aclosing(self._pump(epoch, position, waker)) as steps:
                async for step in steps:
                    yield step
        finally:
            self._wakers.discard(waker)
            self._readers.dec()

    async def _pump(self, epoch: str, position: _Position, waker: asyncio.Event) -> AsyncGenerator[_Step, None]:
        """What has happened, up to BATCH rows at a time; a step without rows is a checkpoint."""
        loop = asyncio.get_running_loop()
        spoken = checked = loop.time()
        while True:
            waker.clear()
            now: _Position | None = None
            if loop.time() - checked >= CHECKPOINT_SECONDS:
                now = await self._now_within(epoch)
                checked = loop.time()
            rows = await self._db.fetch(self._after, transaction_id=position.transaction_id, row_id=position.row_id)
            settled = [row for row in rows if row["settled"]]
            if settled:
                position = _position(settled[-1])
                yield epoch, position, settled
                spoken = loop.time()
            if len(settled) == BATCH:
                continue
            if len(settled) < len(rows):
                # Committed, but an older transaction is still open: it ends in moments, and nobody would tell us.
                await asyncio.sleep(_UNSETTLED_PAUSE_SECONDS)
                continue
            if now is not None and not rows:
                # An idle reader moves on, so that trimming never overtakes it: past what was settled before nothing was found.
                position = max(position, now)
            if loop.time() - spoken >= CHECKPOINT_SECONDS:
                yield epoch, position, ()
                spoken = loop.time()
            with contextlib.suppress(TimeoutError):
                speaks_in = spoken + CHECKPOINT_SECONDS - loop.time()
                await asyncio.wait_for(waker.wait(), max(0.0, speaks_in) if self._is_running else POLL_SECONDS)

    async def _now_within(self, epoch: str) -> _Position:
        """The position before which everything is settled. Raises ResumeTokenExpired.

        A lost connection is taken up again unseen, perhaps on a standby that took over and lacks what this reader was told.
        """
        its_epoch, now, _ = await self._now()
        if its_epoch != epoch:
            raise ResumeTokenExpired
        return now

    async def _start(self, resume_token: str) -> tuple[str, _Position]:
        epoch, now, trimmed = await self._now()
        if not resume_token:
            return epoch, now
        opened = self._seal.open(resume_token, self._purpose)
        if opened is None:
            raise ResumeTokenExpired
        its_epoch, transaction_id, row_id = opened.decode().split("|")
        position = _Position(int(transaction_id), int(row_id))
        if its_epoch != epoch or position < trimmed:
            raise ResumeTokenExpired
        return epoch, position

    async def _now(self) -> tuple[str, _Position, _Position]:
        row: Any = await self._db.fetchrow(self._state)
        now = _Position(row["oldest_unsettled"] - 1, _LAST_ID)
        return row["epoch"], now, _Position(row["trimmed_transaction_id"], row["trimmed_id"])

    def _token(self, epoch: str, position: _Position) -> str:
        return self._seal.seal(f"{epoch}|{position.transaction_id}|{position.row_id}".encode(), self._purpose)

    def readings(self) -> list[Reading]:
        """How far the outbox is."""
        return [by_statement(self._db, UNSETTLED, self._unsettled), by_statement(self._db, KEPT, self._oldest)]

    async def trim(self) -> None:
        """Deletes rows older than what is kept and remembers how far. Safe to repeat, and on several replicas."""
        await self._db.execute(self._trim)

    async def run(self) -> None:
        """Carries pokes to other replicas and theirs to us; reconnects by itself. Without a way to hear them, readers poll.

        Rows that came from another cluster with a copy of the data would be taken for unsettled for a long time: they go first.
        """
        await self._db.execute(self._drop_foreign)
        self._is_running = True
        try:
            await asyncio.gather(self._carry_out(), self._poll(), *([self._listen()] if self._db.can_listen else []))
        finally:
            self._is_running = False

    async def _poll(self) -> None:
        """Looks for all readers together, should nobody have told of a change.

        The newest row is enough: one that comes late has an older transaction, for whose end the readers wait already.
        """
        known: tuple[int, ...] | None = None
        pause = POLL_SECONDS * (_LISTENING_POLLS_AS_SELDOM if self._db.can_listen else 1)
        while True:
            await asyncio.sleep(pause)
            if not self._wakers:
                continue
            try:
                row: Any = await self._db.fetchrow(self._newest)
            except HubError:
                # The readers tell their callers.
                newest = None
            else:
                newest = tuple(row or ())
            if newest is None or newest != known:
                known = newest
                self._wake()

    async def _carry_out(self) -> None:
        while True:
            await self._poked.wait()
            self._poked.clear()
            try:
                await self._db.execute(self._notify)
            except HubError as error:
                log.warning("the change feed could not notify: %s", error.message)
            # NOTIFY takes a lock for the whole database at commit: one per pause is enough.
            await asyncio.sleep(_NOTIFY_PAUSE_SECONDS)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (HubError, OSError, asyncpg.PostgresError, *LOST) as error:
                log.warning("the change feed's listener was cut off: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def _listen_once(self) -> None:
        connection = await self._db.connect_listener()
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        try:
            await connection.add_listener(self._channel, lambda *_: self._wake())
            self._wake()
            await closed.wait()
        finally:
            connection.terminate()
