"""Channels as they are stored: reading, making, changing, and what the workers note on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from chassis.errors import InvalidArgument
from sync_svc.domain.channel import Block, Channel, ChannelState, Platform
from sync_svc.domain.errors import ChannelNotFound
from sync_svc.domain.rules import Rounding, Rules
from sync_svc.domain.schedule import Schedule
from sync_svc.storage.tables import channel, seeded_account

_COLUMNS = [
    column
    for column in channel.c
    if column.name
    not in {
        "block_count",
        "order_cursor",
        "next_poll_at",
        "poll_lease",
        "poll_lease_until",
        "last_poll_at",
        "last_order_at",
    }
]
_SELECT = select(*_COLUMNS)

_BLOCK = Statement(
    text("""
UPDATE sync.channel SET block = CAST(:block AS text), block_message = CAST(:message AS text),
  block_count = CASE WHEN blocked_until > clock_timestamp() THEN block_count ELSE block_count + 1 END,
  blocked_until = greatest(blocked_until, clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second')
WHERE id = CAST(:id AS bigint) RETURNING block_count
""")
)
_UNBLOCK = Statement(
    text("""
UPDATE sync.channel SET block = NULL, block_message = '', block_count = 0, blocked_until = NULL
WHERE id = CAST(:id AS bigint) AND block IS NOT NULL
""")
)
_CLEAR_BLOCK = text("""
UPDATE sync.channel SET block = NULL, block_message = '', block_count = 0, blocked_until = NULL WHERE id = :id
""")
_NOTE_CONSENT = Statement(
    text("""
UPDATE sync.channel SET consent_expires_at = CAST(:expires_at AS timestamptz)
WHERE id = CAST(:id AS bigint) AND consent_expires_at IS DISTINCT FROM CAST(:expires_at AS timestamptz)
""")
)
_BLOCK_COUNT = Statement(text("SELECT block_count FROM sync.channel WHERE id = CAST(:id AS bigint)"))
_VERSIONS = Statement(text("SELECT id, version, activated_at FROM sync.channel ORDER BY id"))
_CLAIM_POLL = Statement(
    text("""
UPDATE sync.channel SET poll_lease = CAST(:lease AS uuid),
  poll_lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
WHERE id = CAST(:id AS bigint) AND next_poll_at <= clock_timestamp()
  AND (poll_lease_until IS NULL OR poll_lease_until < clock_timestamp())
  AND (blocked_until IS NULL OR blocked_until <= clock_timestamp())
RETURNING order_cursor
""")
)
_GIVE_POLL_BACK = Statement(
    text("""
UPDATE sync.channel SET poll_lease = NULL, poll_lease_until = NULL
WHERE id = CAST(:id AS bigint) AND poll_lease = CAST(:lease AS uuid)
""")
)
_KEEP_POLL = Statement(
    text("""
UPDATE sync.channel SET poll_lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
WHERE id = CAST(:id AS bigint) AND poll_lease = CAST(:lease AS uuid)
""")
)
_POLL_SOON = Statement(
    text("""
UPDATE sync.channel SET next_poll_at = clock_timestamp()
WHERE id = CAST(:id AS bigint) AND next_poll_at > clock_timestamp() AND (last_poll_at IS NULL
  OR last_poll_at < clock_timestamp() - CAST(:unless_within_s AS double precision) * interval '1 second')
""")
)
_END_POLL = text("""
UPDATE sync.channel SET poll_lease = NULL, poll_lease_until = NULL, order_cursor = coalesce(:cursor, order_cursor),
  last_poll_at = CASE WHEN CAST(:cursor AS text) IS NULL THEN last_poll_at ELSE clock_timestamp() END,
  last_order_at = greatest(last_order_at, CAST(:last_order_at AS timestamptz)),
  next_poll_at = clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second'
WHERE id = CAST(:id AS bigint) AND poll_lease = CAST(:lease AS uuid)
""")
_POLL_NOW = text("UPDATE sync.channel SET next_poll_at = clock_timestamp() WHERE id = :id")


async def list_channels(db: Database) -> list[Channel]:
    """Every channel, by id."""
    async with db.translated(), db.read.connect() as conn:
        return [as_channel(row) for row in await conn.execute(_SELECT.order_by(channel.c.id))]


async def channel_versions(db: Database) -> Sequence[Any]:
    """What changes when a channel is made or changed by a person; for those who ask often. Raises HubError."""
    return await db.fetch(_VERSIONS)


async def get_channel(db: Database, channel_id: int) -> Channel:
    """One channel. Raises ChannelNotFound."""
    async with db.translated(), db.read.connect() as conn:
        return _found((await conn.execute(_SELECT.where(channel.c.id == channel_id))).first(), channel_id)


async def find_channel(db: Database, name: str) -> Channel:
    """One channel by its id or its account's name. Raises ChannelNotFound, InvalidArgument when several have the name."""
    async with db.translated(), db.read.connect() as conn:
        found = (await conn.execute(_SELECT.where(is_named(name)).limit(2))).all()
    if len(found) > 1:
        raise InvalidArgument.of("channel", f"several platforms have an account {name}; give the channel's id")
    return _found(found[0] if found else None, name)


def is_named(name: str) -> ColumnElement[bool]:
    """A channel by its id or its account's name."""
    return or_(channel.c.id == channel_number(name), channel.c.account == name.upper())


def channel_number(name: str) -> int:
    """The id that a name may be; 0, which no channel has, when it can be none."""
    return int(name) if name.isascii() and name.isdigit() and len(name) < 19 else 0


async def lock_channel(conn: AsyncConnection, channel_id: int) -> Channel:
    """One channel, locked for the transaction. Raises ChannelNotFound.

    Its key stays free: a push being recorded refers to the channel while it holds listings that a change of rules wants next.
    """
    locked = _SELECT.where(channel.c.id == channel_id).with_for_update(key_share=True)
    return _found((await conn.execute(locked)).first(), channel_id)


async def insert_channel(conn: AsyncConnection, values: Mapping[str, Any]) -> Channel:
    """Make a channel. Raises ChannelExists."""
    row = (await conn.execute(insert(channel).values(**values).returning(*_COLUMNS))).one()
    return as_channel(row)


async def update_channel(conn: AsyncConnection, channel_id: int, values: Mapping[str, Any]) -> Channel:
    """Change a channel as a person wants it; its version rises."""
    changed = update(channel).where(channel.c.id == channel_id)
    changed = changed.values(**values, version=channel.c.version + 1, updated_at=text("clock_timestamp()"))
    return as_channel((await conn.execute(changed.returning(*_COLUMNS))).one())


async def store_sealed(
    conn: AsyncConnection, channel_id: int, sealed_credentials: bytes | None, sealed_webhook: bytes | None
) -> None:
    """Keep the same secrets under another seal; the version stays, as nothing of the channel has changed."""
    sealed = {"sealed_credentials": sealed_credentials, "sealed_webhook": sealed_webhook}
    await conn.execute(update(channel).where(channel.c.id == channel_id).values(**sealed))


async def channels_of_platform(conn: AsyncConnection, platforms: Sequence[str]) -> list[Channel]:
    """The channels of some platforms."""
    found = await conn.execute(_SELECT.where(channel.c.platform.in_(platforms)).order_by(channel.c.id))
    return [as_channel(row) for row in found]


async def ensure_channels(
    conn: AsyncConnection, names: Sequence[tuple[Platform, str]]
) -> dict[tuple[Platform, str], int]:
    """Make channels that are not there, PAUSED and without credentials; answers the ids of all named."""
    rows = [
        {"platform": platform.value, "account": account, "display_name": account, "state": ChannelState.PAUSED.value}
        for platform, account in names
    ]
    await conn.execute(upsert(channel).on_conflict_do_nothing(), rows)
    found = await channels_of_platform(conn, sorted({platform for platform, _ in names}))
    return {(one.platform, one.account): one.id for one in found}


async def seeded_accounts(db: Database) -> set[tuple[Platform, str]]:
    """The sandbox's accounts that were made channels once; what became of them since is a person's business."""
    async with db.translated(), db.read.connect() as conn:
        found = await conn.execute(select(seeded_account.c.platform, seeded_account.c.account))
        return {(Platform(row.platform), row.account) for row in found}


async def note_seeded(conn: AsyncConnection, platform: Platform, account: str) -> None:
    """Remember that an account was made a channel. Safe to repeat."""
    put = upsert(seeded_account).values(platform=platform.value, account=account)
    await conn.execute(put.on_conflict_do_nothing())


async def poll_now(conn: AsyncConnection, channel_id: int) -> None:
    """Make the channel due for a look for orders."""
    await conn.execute(_POLL_NOW, {"id": channel_id})


async def clear_block(conn: AsyncConnection, channel_id: int) -> None:
    """End the account's silence."""
    await conn.execute(_CLEAR_BLOCK, {"id": channel_id})


class ChannelNotes:
    """What the workers note on a channel; its version stays."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def block(self, channel_id: int, block: Block, wait_s: float, message: str) -> None:
        """Keep the whole account silent for a while, on all workers. A longer silence already set stays."""
        await self._db.fetchval(_BLOCK, id=channel_id, block=block.value, wait_s=wait_s, message=message)

    async def block_count(self, channel_id: int) -> int:
        """How often in a row it was blocked."""
        return int(await self._db.fetchval(_BLOCK_COUNT, id=channel_id) or 0)

    async def unblock(self, channel_id: int) -> None:
        """The account answers again."""
        await self._db.execute(_UNBLOCK, id=channel_id)

    async def note_consent(self, channel_id: int, expires_at: datetime) -> None:
        """The platform has told when the seller must consent again."""
        await self._db.execute(_NOTE_CONSENT, id=channel_id, expires_at=expires_at)

    async def claim_poll(self, channel_id: int, lease: UUID, lease_s: float) -> str | None:
        """Take the channel's turn to look for orders and answer the cursor; None when it is not due or another has it."""
        cursor: str | None = await self._db.fetchval(_CLAIM_POLL, id=channel_id, lease=lease, lease_s=lease_s)
        return cursor

    async def keep_poll(self, channel_id: int, lease: UUID, lease_s: float) -> None:
        """Keep the turn for as long again."""
        await self._db.execute(_KEEP_POLL, id=channel_id, lease=lease, lease_s=lease_s)

    async def poll_soon(self, channel_id: int, *, unless_within_s: float) -> None:
        """Make the channel due for a look for orders, unless one ended within these seconds."""
        await self._db.execute(_POLL_SOON, id=channel_id, unless_within_s=unless_within_s)

    async def give_poll_back(self, channel_id: int, lease: UUID) -> None:
        """Let another have the turn at once: this look for orders was cut off."""
        await self._db.execute(_GIVE_POLL_BACK, id=channel_id, lease=lease)


async def end_poll(
    conn: AsyncConnection,
    channel_id: int,
    lease: UUID,
    *,
    cursor: str | None,
    wait_s: float,
    last_order_at: datetime | None,
) -> bool:
    """End a look for orders and say when the next is due; False when the turn was lost. A failed one has no cursor."""
    values = {"id": channel_id, "lease": lease, "cursor": cursor, "wait_s": wait_s, "last_order_at": last_order_at}
    return (await conn.execute(_END_POLL, values)).rowcount > 0


def _found(row: Row[Any] | None, channel_id: int | str) -> Channel:
    if row is None:
        raise ChannelNotFound(channel_id)
    return as_channel(row)


def _rules(row: Row[Any]) -> Rules:
    values = {name: getattr(row, name) for name in Rules.__dataclass_fields__}
    values["price_rounding"] = Rounding(row.price_rounding)
    values["schedule"] = Schedule.from_json(row.schedule)
    return Rules(**values)


def as_channel(row: Row[Any]) -> Channel:
    """A channel from a row of its table."""
    return Channel(
        id=row.id,
        platform=Platform(row.platform),
        account=row.account,
        display_name=row.display_name,
        site=row.site,
        api_base_url=row.api_base_url,
        token_url=row.token_url,
        options=row.options,
        rules=_rules(row),
        state=ChannelState(row.state),
        credential_names=tuple(row.credential_names),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        activated_at=row.activated_at,
        blocked_until=row.blocked_until,
        block=Block(row.block) if row.block else None,
        block_message=row.block_message,
        sealed_credentials=row.sealed_credentials,
        sealed_webhook=row.sealed_webhook,
        consent_expires_at=row.consent_expires_at,
    )
