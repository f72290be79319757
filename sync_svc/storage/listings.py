"""Listings as they are stored: reading, making, changing, marking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.domain.errors import ListingNotFound
from sync_svc.domain.listing import ErrorClass, Listing, ListingIntent, ListingStatus, NewListing
from sync_svc.domain.rules import Overrides
from sync_svc.storage.tables import channel, listing
from sync_svc.storage.unmatched import match_listed

_HIDDEN = {"content_generation", "urgency", "lease", "lease_until", "lease_owner", "last_attempt_at", "shown_is_sure"}
COLUMNS = [column for column in listing.c if column.name not in _HIDDEN]
SELECT_LISTINGS = select(*COLUMNS, channel.c.platform, channel.c.account).join(channel)
_NAMES = tuple(SELECT_LISTINGS.selected_columns.keys())

_IS_LEASED = text("SELECT lease_until > clock_timestamp() FROM sync.listing WHERE id = :id FOR UPDATE")
_MARK_SYNCED = text("""
UPDATE sync.listing SET
  synced_generation = greatest(synced_generation, least(coalesce(CAST(:generation AS bigint), desired_generation),
    desired_generation)),
  error_class = NULL, error_message = '', error_code = '', attempts = 0, last_synced_at = clock_timestamp(), lease = NULL,
  external_id = coalesce(CAST(:external_id AS text), external_id),
  next_attempt_at = CASE WHEN coalesce(CAST(:generation AS bigint), desired_generation) >= desired_generation THEN NULL
    ELSE clock_timestamp() END
WHERE id = :id
""")
_CANCEL_PUSH = text("""
UPDATE sync.listing SET next_attempt_at = NULL, error_class = NULL, error_message = '', error_code = '' WHERE id = :id
""")
_MARK_ERROR = text("""
UPDATE sync.listing SET error_class = 'PERMANENT', error_message = :message, error_code = :code, attempts = attempts + 1,
  next_attempt_at = NULL, lease = NULL
WHERE id = :id
""")
_AUTO_LIST = text("""
INSERT INTO sync.listing (channel_id, variant_id, sku, platform_sku)
SELECT c.id, v.id, v.sku, v.sku
FROM unnest(CAST(:variant_ids AS bigint[]), CAST(:skus AS text[])) AS v(id, sku) CROSS JOIN sync.channel c
WHERE c.auto_list AND c.id = coalesce(CAST(:channel_id AS bigint), c.id)
  AND NOT EXISTS (SELECT FROM sync.listing l WHERE l.channel_id = c.id AND l.variant_id = v.id)
ORDER BY c.id, v.sku ON CONFLICT DO NOTHING RETURNING channel_id
""")


async def get_listing_in(conn: AsyncConnection, listing_id: int, *, deleted: bool = False) -> Listing:
    """One listing. Raises ListingNotFound, also for a deleted one unless asked for."""
    row = (await conn.execute(SELECT_LISTINGS.where(listing.c.id == listing_id))).first()
    if row is None or (row.deleted_at is not None and not deleted):
        raise ListingNotFound(listing_id)
    return as_listing(row)


async def lock_listing(conn: AsyncConnection, listing_id: int) -> Listing:
    """One listing, locked for the transaction. Raises ListingNotFound."""
    await conn.execute(select(listing.c.id).where(listing.c.id == listing_id).with_for_update())
    return await get_listing_in(conn, listing_id)


async def is_being_pushed(conn: AsyncConnection, listing_id: int) -> bool:
    """Whether a worker holds it; the row is locked, so that none takes it until the transaction ends."""
    return bool((await conn.execute(_IS_LEASED, {"id": listing_id})).scalar_one_or_none())


async def insert_listing(conn: AsyncConnection, new: NewListing) -> int:
    """Make a listing; answers its id. What is called like it elsewhere is matched. Raises PlatformSkuTaken, ExternalIdTaken."""
    made = int((await conn.execute(insert(listing).values(**row_of(new)).returning(listing.c.id))).scalar_one())
    await match_listed(conn, [new.platform_sku])
    return made


async def insert_missing(conn: AsyncConnection, new: Sequence[NewListing]) -> dict[tuple[int, str], int]:
    """Make listings, leaving out those that stand in the way of another; answers the ids made, by channel and platform SKU.

    What is called like them elsewhere is matched.
    """
    if not new:
        return {}
    rows = [row_of(one) for one in sorted(new, key=lambda one: (one.channel_id, one.platform_sku))]
    put = upsert(listing).on_conflict_do_nothing()
    returned = await conn.execute(put.returning(listing.c.id, listing.c.channel_id, listing.c.platform_sku), rows)
    made = {(row.channel_id, row.platform_sku): int(row.id) for row in returned}
    await match_listed(conn, sorted({platform_sku for _, platform_sku in made}))
    return made


async def auto_list(conn: AsyncConnection, skus: Mapping[int, str], channel_id: int | None = None) -> Counter[int]:
    """Make a listing of each variant that has none, nor had one, on the channel named, or on every channel, if it lists by
    itself; answers how many on which channels.

    The platform SKU is the variant's own. Safe to repeat.
    """
    values = {"variant_ids": list(skus), "skus": list(skus.values()), "channel_id": channel_id}
    return Counter((await conn.execute(_AUTO_LIST, values)).scalars())


async def find_by_platform_sku(conn: AsyncConnection, channel_id: int, platform_sku: str) -> Listing | None:
    """The listing of a channel under its own SKU, deleted or not, locked for the transaction."""
    here = (listing.c.channel_id == channel_id) & (listing.c.platform_sku == platform_sku)
    row = (await conn.execute(SELECT_LISTINGS.where(here).with_for_update(of=listing))).first()
    return as_listing(row) if row is not None else None


async def change_listing(conn: AsyncConnection, listing_id: int, values: Mapping[str, Any]) -> None:
    """Change a listing as a person wants it; its version rises. Raises ExternalIdTaken."""
    changed = update(listing).where(listing.c.id == listing_id)
    await conn.execute(changed.values(**values, version=listing.c.version + 1, updated_at=func.clock_timestamp()))


async def mark_synced(conn: AsyncConnection, listing_id: int, generation: int | None, external_id: str | None) -> None:
    """Record that the platform shows a generation; None means the one wanted now."""
    await conn.execute(_MARK_SYNCED, {"id": listing_id, "generation": generation, "external_id": external_id})


async def cancel_push(conn: AsyncConnection, listing_id: int) -> None:
    """Leave the platform alone from now on, until the generation is raised again."""
    await conn.execute(_CANCEL_PUSH, {"id": listing_id})


async def mark_error(conn: AsyncConnection, listing_id: int, message: str, code: str) -> None:
    """Record a permanent error."""
    await conn.execute(_MARK_ERROR, {"id": listing_id, "message": message, "code": code})


async def find_for_upsert(
    conn: AsyncConnection, channel_ids: Sequence[int], platform_skus: Sequence[str]
) -> list[Listing]:
    """The listings of some channels under some of their SKUs, locked in the order of their ids."""
    here = listing.c.channel_id.in_(channel_ids) & listing.c.platform_sku.in_(platform_skus)
    found = await conn.execute(SELECT_LISTINGS.where(here).order_by(listing.c.id).with_for_update(of=listing))
    return [as_listing(row) for row in found]


async def external_ids_in_use(conn: AsyncConnection, pairs: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Which of these (channel, external id) belong to a listing, and to which platform SKU."""
    ids = [external_id for _, external_id in pairs]
    found = select(listing.c.channel_id, listing.c.external_id, listing.c.platform_sku)
    found = found.where(listing.c.channel_id.in_({one for one, _ in pairs}), listing.c.external_id.in_(ids))
    return {(row.channel_id, row.external_id): row.platform_sku for row in await conn.execute(found)}


def row_of(new: NewListing) -> dict[str, Any]:
    """The columns of a listing to be made."""
    return {
        "channel_id": new.channel_id,
        "variant_id": new.variant_id,
        "sku": new.sku,
        "platform_sku": new.platform_sku,
        "external_id": new.external_id,
        "asin": new.asin,
        "name": new.name,
        "description": new.description,
        "price": new.price,
        "currency": new.currency,
        "metadata": dict(new.metadata),
        "intent": new.intent.value,
        "overrides": new.overrides.as_json(),
    }


def as_listing(row: Any) -> Listing:
    """A listing from a row of `SELECT_LISTINGS`."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["intent"] = ListingIntent(row.intent)
    values["overrides"] = Overrides.from_json(row.overrides)
    values["status"] = ListingStatus(row.status)
    values["error_class"] = ErrorClass(row.error_class) if row.error_class else None
    return Listing(**values)
