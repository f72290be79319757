"""One way for every change that is asked for one unit at a time: holds, releases and sales.

The first attempt shares its statement with other callers and waits for no lock. What it leaves alone is tried alone, and where
the unit is out of reach the reason is found out. With a request id the answer is stored in the transaction of the change: a
repeat finds it before anything is done, and one that runs at the same moment breaks the key of stored answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from chassis.database import Database
from chassis.errors import HubError
from chassis.idempotency import AnsweredMeanwhile, RequestKey, StoredAnswers
from inventory_svc.domain.errors import UnitContended
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import Explain, find_out
from inventory_svc.operations.together import Together
from inventory_svc.storage.session import PoolSession, Session


class Wanted(Protocol):
    """A change of one unit."""

    @property
    def item_id(self) -> int:
        """The unit."""
        ...

    @property
    def cause(self) -> Cause:
        """Who changes it, and why."""
        ...


W = TypeVar("W", bound=Wanted)
W_in = TypeVar("W_in", bound=Wanted, contravariant=True)
M = TypeVar("M", bound=Message)

_ATTEMPTS = 5
# So many make a transaction of their own worth while.
_ENOUGH = 8


class Attempt(Protocol[W_in]):
    """The guarded statement: answers the units it could change."""

    def __call__(self, session: Session, wanted: Sequence[W_in], /, *, waits: bool) -> Awaitable[list[Item]]: ...


@dataclass(frozen=True, slots=True)
class Asked(Generic[W]):
    """A change, and the key of its request when it has an id."""

    wanted: W
    key: RequestKey | None


class UnitChange(Generic[W, M]):
    """A change of single units. `show` makes the answer of a unit."""

    def __init__(
        self, db: Database, answers: StoredAnswers, attempt: Attempt[W], answer_type: type[M], show: Callable[[Item], M]
    ) -> None:
        self._db = db
        self._pool = PoolSession(db)
        self._answers = answers
        self._attempt = attempt
        self._answer_type = answer_type
        self._show = show
        self._together: Together[Asked[W], M] = Together(
            partial(self._serve, waits=False), key=lambda asked: asked.wanted.item_id, enough=_ENOUGH
        )

    async def run(self, wanted: W, key: RequestKey | None, explain: Explain) -> M:
        """The unit's answer once it is changed; `explain` raises when its state forbids that.

        Raises ItemNotFound, OutsideWarehouses, UnitContended, RequestIdReused and what `explain` raises. Safe
        to repeat with a request id.
        """
        asked = Asked(wanted, key)
        # The statement of others would not hold to what a bound caller is bound to.
        if wanted.cause.warehouses is None:
            answer = await self._unless_meanwhile(self._together.ask(asked))
            if answer is not None:
                return answer
        for _ in range(_ATTEMPTS):
            answer = await self._unless_meanwhile(self._alone(asked))
            if answer is not None:
                return answer
            if key is not None and (answer := await self._stored(key)) is not None:
                return answer
            await find_out(self._pool, [wanted.item_id], wanted.cause, explain)
        raise UnitContended.of(wanted.item_id)

    async def _alone(self, asked: Asked[W]) -> M | None:
        (outcome,) = await self._serve([asked], waits=True)
        return _given(outcome)

    async def _stored(self, key: RequestKey) -> M | None:
        return _given((await self._answers.find(self._pool.rows, [key], self._answer_type)).get(key))

    async def _unless_meanwhile(self, outcome: Awaitable[M | None]) -> M | None:
        try:
            return await outcome
        except AnsweredMeanwhile:
            return None

    async def _serve(self, batch: Sequence[Asked[W]], *, waits: bool) -> list[M | HubError | None]:
        if not any(asked.key for asked in batch):
            done = await self._changed(self._pool, batch, waits=waits)
            return [done.get(asked.wanted.item_id) for asked in batch]
        async with self._db.hot_transaction() as session:
            keys = [asked.key for asked in batch if asked.key]
            stored = await self._answers.find(session.rows, keys, self._answer_type)
            left = [asked for asked in batch if asked.key not in stored]
            done = await self._changed(session, left, waits=waits)
            fresh = {
                asked.key: done[asked.wanted.item_id] for asked in left if asked.key and asked.wanted.item_id in done
            }
            if fresh:
                await self._answers.keep(session.rows, fresh)
        return [stored[asked.key] if asked.key in stored else done.get(asked.wanted.item_id) for asked in batch]

    async def _changed(self, session: Session, batch: Sequence[Asked[W]], *, waits: bool) -> dict[int, M]:
        if not batch:
            return {}
        items = await self._attempt(session, [asked.wanted for asked in batch], waits=waits)
        return {item.id: self._show(item) for item in items}


def _given(outcome: M | HubError | None) -> M | None:
    if isinstance(outcome, HubError):
        raise outcome
    return outcome
