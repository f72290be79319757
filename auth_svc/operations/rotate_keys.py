"""Another key takes over: on schedule, by command, or at once when a key may have got into wrong hands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.event import EventKind
from auth_svc.domain.key_schedule import KeyPolicy, KeyTimes
from auth_svc.operations.audit import record
from auth_svc.operations.key_material import KeySeal
from auth_svc.operations.key_ring import KeyRing
from auth_svc.operations.runtime import Runtime
from auth_svc.storage.repositories import announcements, signing_keys
from auth_svc.storage.repositories.signing_keys import StoredKey

_EVERY_SECONDS = 30.0


async def rotate_keys(conn: AsyncConnection, seal: KeySeal, policy: KeyPolicy, at: datetime) -> StoredKey:
    """Publishes a new key that takes over after the lead. While one waits for its turn, that one is answered."""
    await signing_keys.lock(conn)
    keys = await signing_keys.list_live(conn)
    pending = policy.pending(_times(keys), at)
    if pending is not None:
        return next(key for key in keys if key.key_id == pending.key_id)
    return await _add(conn, seal, at, at + policy.lead)


async def replace_keys(conn: AsyncConnection, seal: KeySeal, at: datetime) -> StoredKey:
    """Signs with a new key and withdraws all others at once: every access token has to be got anew."""
    await signing_keys.lock(conn)
    former = await signing_keys.list_live(conn)
    await _withdraw(conn, [key.key_id for key in former], at)
    return await _add(conn, seal, at, at)


async def tend_keys(runtime: Runtime, keys: KeyRing, policy: KeyPolicy) -> None:
    """Rotates when it is due, and withdraws keys that nobody needs. Safe to repeat and to run on replicas at once."""

    async def work(conn: AsyncConnection) -> None:
        await signing_keys.lock(conn)
        at = runtime.clock()
        times = _times(await signing_keys.list_live(conn))
        if policy.is_due(times, at):
            await _add(conn, keys.seal, at, at + policy.lead)
        await _withdraw(conn, policy.withdrawable(times, at), at)

    await runtime.db.run(work)
    runtime.wake()
    await keys.reload()


async def keep_keys(runtime: Runtime, keys: KeyRing, policy: KeyPolicy) -> None:
    """Tends the keys for as long as the service runs."""
    while True:
        await tend_keys(runtime, keys, policy)
        await asyncio.sleep(_EVERY_SECONDS)


async def _add(conn: AsyncConnection, seal: KeySeal, at: datetime, signs_from: datetime) -> StoredKey:
    key = seal.make(at, signs_from)
    await signing_keys.add(conn, key)
    await announcements.keys_changed(conn, key.key_id)
    after = {"signs_from": signs_from.isoformat()}
    await record(conn, EventKind.SIGNING_KEY_CREATED, at, subject_id=key.key_id, after=after)
    return key


async def _withdraw(conn: AsyncConnection, key_ids: Sequence[str], at: datetime) -> None:
    if not key_ids:
        return
    await signing_keys.withdraw(conn, key_ids, at)
    for key_id in key_ids:
        await announcements.keys_changed(conn, key_id)
        await record(conn, EventKind.SIGNING_KEY_WITHDRAWN, at, subject_id=key_id)


def _times(keys: Sequence[StoredKey]) -> list[KeyTimes]:
    return [KeyTimes(key.key_id, key.signs_from) for key in keys]
