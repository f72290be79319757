"""What a restored hub must forget, done before any service sees it.

Change feeds: the rows of the outboxes carry transaction ids of another course of history, and readers hold tokens of it. The rows
go and the feeds get a new epoch, so every reader is told to begin from a snapshot. Sessions: one that was ended after the
backup would be alive again, so all of them end, and the keys that signed access tokens go: people sign in anew.
"""

from __future__ import annotations

from enum import Enum

import asyncpg

from deploy.backup.snapshot import connect
from deploy.local.migrate import SCHEMAS

_END_SESSIONS = "UPDATE auth.sessions SET ended_at = now(), end_reason = 'RESTORED' WHERE ended_at IS NULL"
# auth makes a new one at its start; whatever the old ones signed is void from then on.
_FORGET_KEYS = "DELETE FROM auth.signing_keys"
# Orders that came in since the backup are with the marketplaces still: they are asked for first thing.
_ASK_FOR_ORDERS = "UPDATE sync.channel SET next_poll_at = now(), poll_lease = NULL, poll_lease_until = NULL"
_PAUSE_CHANNELS = "UPDATE sync.channel SET state = 'PAUSED'"
_FORGET_CREDENTIALS = """
    UPDATE sync.channel SET sealed_credentials = NULL, sealed_webhook = NULL, credential_names = '{}', state = 'PAUSED'
"""


class Channels(Enum):
    """What a restored hub may do to the marketplaces."""

    AS_THEY_WERE = "as they were"
    PAUSED = "paused"
    WITHOUT_CREDENTIALS = "without credentials"


_STATEMENTS = {
    Channels.AS_THEY_WERE: (_ASK_FOR_ORDERS,),
    Channels.PAUSED: (_ASK_FOR_ORDERS, _PAUSE_CHANNELS),
    Channels.WITHOUT_CREDENTIALS: (_FORGET_CREDENTIALS,),
}


async def begin_anew(url: str, channels: Channels = Channels.AS_THEY_WERE) -> None:
    """Does it to the database of the address, in one transaction. Safe to repeat."""
    connection = await connect(url)
    try:
        async with connection.transaction():
            for schema in SCHEMAS:
                await _new_epoch(connection, schema)
            for statement in (_END_SESSIONS, _FORGET_KEYS, *_STATEMENTS[channels]):
                await connection.execute(statement)
    finally:
        await connection.close()


async def _new_epoch(connection: asyncpg.Connection, schema: str) -> None:
    if await connection.fetchval("SELECT to_regclass($1)", f'"{schema}".outbox_state') is None:
        return
    await connection.execute(f'DELETE FROM "{schema}".outbox')
    await connection.execute(
        f'UPDATE "{schema}".outbox_state SET epoch = gen_random_uuid()::text, trimmed_transaction_id = 0, trimmed_id = 0'
    )
