"""The counters of failed sign-ins as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, any_, bindparam, case, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.throttle import Counter
from auth_svc.storage.tables import sign_in_throttles

_t = sign_in_throttles.c
_FIND = select(_t.key, _t.failures, _t.last_failed_at, _t.blocked_until).where(
    _t.key == any_(bindparam("keys", type_=ARRAY(Text)))
)
_HOLD = (
    insert(sign_in_throttles)
    .values(
        key=bindparam("key"),
        failures=bindparam("failures"),
        last_failed_at=bindparam("at"),
        blocked_until=bindparam("until"),
    )
    .on_conflict_do_nothing()
)
_COUNT = (
    insert(sign_in_throttles)
    .values(key=bindparam("key"), failures=1, last_failed_at=bindparam("at"), blocked_until=bindparam("at"))
    .on_conflict_do_update(
        index_elements=[_t.key],
        set_={
            "failures": case((_t.last_failed_at < bindparam("forget_before"), 1), else_=_t.failures + 1),
            "last_failed_at": bindparam("at"),
        },
    )
    .returning(_t.failures)
)
_BLOCK = update(sign_in_throttles).where(_t.key == bindparam("the_key")).values(blocked_until=bindparam("until"))
_CLEAR = delete(sign_in_throttles).where(_t.key == bindparam("the_key"))
_HALVE = update(sign_in_throttles).where(_t.key == bindparam("the_key")).values(failures=_t.failures // 2)
_REMOVE_OLD = delete(sign_in_throttles).where(_t.last_failed_at < bindparam("before"))


async def find(conn: AsyncConnection, keys: Sequence[str]) -> dict[str, Counter]:
    """Those of these counters that there are."""
    rows = await conn.execute(_FIND, {"keys": list(keys)})
    return {row.key: Counter(row.failures, row.last_failed_at, row.blocked_until) for row in rows}


async def hold(conn: AsyncConnection, key: str, failures: int, at: datetime, until: datetime) -> None:
    """Starts a counter at this many failures, with a wait; nothing when it has started already."""
    await conn.execute(_HOLD, {"key": key, "failures": failures, "at": at, "until": until})


async def count_failure(conn: AsyncConnection, key: str, at: datetime, forget_before: datetime) -> int:
    """Counts one more failure, from zero when the last is older than `forget_before`; the count. Locks the counter."""
    values = {"key": key, "at": at, "forget_before": forget_before}
    return int((await conn.execute(_COUNT, values)).scalar_one())


async def block(conn: AsyncConnection, key: str, until: datetime) -> None:
    """Refuses sign-ins under this counter until then."""
    await conn.execute(_BLOCK, {"the_key": key, "until": until})


async def clear(conn: AsyncConnection, key: str) -> None:
    """Forgets a counter."""
    await conn.execute(_CLEAR, {"the_key": key})


async def halve(conn: AsyncConnection, key: str) -> None:
    """Takes away half of the failures of a counter."""
    await conn.execute(_HALVE, {"the_key": key})


async def remove_old(conn: AsyncConnection, before: datetime) -> int:
    """Deletes counters without a failure since then; how many."""
    return (await conn.execute(_REMOVE_OLD, {"before": before})).rowcount
