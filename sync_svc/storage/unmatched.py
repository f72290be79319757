"""Live listings that stand for no variant yet, and their matching: by a SKU of the catalog, or by the platform SKU under which
another channel sells a variant.

A match is one statement: the listing is made with what the platform shows of it (so that nothing but the stock is sent), and the
row goes. It is tried whenever a variant appears, and whenever a listing is made under the same platform SKU.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from chassis.errors import Aborted
from sync_svc.channels.base import LISTING_ID, FoundListing
from sync_svc.domain.unmatched import IDS_KEPT

# Nothing is known of the content the hub wants, so what the platform shows stays: name, price and ids are taken over, and the
# content counts as pushed. The one id that must be unique comes with the first push, which knows what to do when it is not.
_TAKE_OVER = """
taken AS (
  DELETE FROM sync.unmatched_listing u USING chosen c WHERE u.id = c.id
  RETURNING u.channel_id, c.variant_id, c.sku, u.platform_sku, u.external_ids, u.asin, u.title, u.price, u.currency)
INSERT INTO sync.listing (channel_id, variant_id, sku, platform_sku, external_ids, asin, name, price, currency,
  content_generation)
SELECT channel_id, variant_id, sku, platform_sku, external_ids, asin, title, price, currency, 0
FROM taken ORDER BY channel_id, platform_sku ON CONFLICT DO NOTHING RETURNING id, channel_id, platform_sku, variant_id, sku
"""
_BY_VARIANT = text(f"""
WITH chosen AS (
  SELECT u.id, v.id AS variant_id, v.sku
  FROM unnest(CAST(:variant_ids AS bigint[]), CAST(:skus AS text[])) AS v(id, sku)
  JOIN sync.unmatched_listing u ON upper(u.platform_sku) = upper(v.sku)
  WHERE NOT u.dismissed AND u.channel_id = coalesce(CAST(:channel_id AS bigint), u.channel_id)),
{_TAKE_OVER}
""")
# What other channels sell under the same name, if they agree on it.
_BY_OTHERS = text(f"""
WITH chosen AS (
  SELECT u.id, min(l.variant_id) AS variant_id, min(l.sku) AS sku
  FROM sync.unmatched_listing u JOIN sync.listing l ON l.platform_sku = u.platform_sku AND l.deleted_at IS NULL
  WHERE NOT u.dismissed AND u.platform_sku = ANY(CAST(:platform_skus AS text[]))
    AND u.channel_id = coalesce(CAST(:channel_id AS bigint), u.channel_id)
  GROUP BY u.id HAVING min(l.variant_id) = max(l.variant_id)),
{_TAKE_OVER}
""")
_BY_PERSON = text(f"""
WITH chosen AS (
  SELECT u.id, CAST(:variant_id AS bigint) AS variant_id, CAST(:sku AS text) AS sku
  FROM sync.unmatched_listing u WHERE u.id = CAST(:id AS bigint)),
{_TAKE_OVER}
""")
_FORGET_KNOWN = text("""
DELETE FROM sync.unmatched_listing u USING sync.listing l
WHERE u.platform_sku = ANY(CAST(:platform_skus AS text[])) AND l.channel_id = u.channel_id AND l.platform_sku = u.platform_sku
""")
_DISMISS = text("UPDATE sync.unmatched_listing SET dismissed = :dismissed WHERE id = :id")
_LOCK = text("SELECT channel_id FROM sync.unmatched_listing WHERE id = :id FOR UPDATE")
_HAS_ANY = text("SELECT EXISTS (SELECT FROM sync.unmatched_listing)")
_FIND_KNOWN = text("""
SELECT platform_sku FROM sync.listing WHERE channel_id = :channel_id AND platform_sku = ANY(CAST(:platform_skus AS text[]))
""")
_KEEP = text("""
INSERT INTO sync.unmatched_listing AS u
  (channel_id, platform_sku, external_id, external_ids, asin, title, quantity, price, currency, pass)
SELECT CAST(:channel_id AS bigint), f.platform_sku, f.external_id, f.external_ids::jsonb, f.asin, f.title, f.quantity, f.price,
  f.currency, CAST(:pass AS bigint)
FROM unnest(CAST(:platform_skus AS text[]), CAST(:external_ids AS text[]), CAST(:ids AS text[]), CAST(:asins AS text[]),
  CAST(:titles AS text[]), CAST(:quantities AS integer[]), CAST(:prices AS numeric[]), CAST(:currencies AS text[]))
  AS f(platform_sku, external_id, external_ids, asin, title, quantity, price, currency)
ORDER BY f.platform_sku
ON CONFLICT (channel_id, platform_sku) DO UPDATE SET external_id = excluded.external_id, external_ids = excluded.external_ids,
  asin = excluded.asin, title = excluded.title, quantity = excluded.quantity, price = excluded.price,
  currency = excluded.currency, pass = excluded.pass, seen_at = clock_timestamp()
""")
_BEGIN = text("""
INSERT INTO sync.listing_import AS i (channel_id) VALUES (:channel_id)
ON CONFLICT (channel_id) DO UPDATE SET cursor = '', pass = i.pass + 1, started_at = clock_timestamp(), finished_at = NULL,
  found_count = 0, known_count = 0, matched_count = 0, message = '', next_at = clock_timestamp(), lease = NULL, lease_until = NULL
WHERE i.finished_at IS NOT NULL
""")
_HURRY = text(
    "UPDATE sync.listing_import SET next_at = clock_timestamp() WHERE channel_id = :channel_id AND finished_at IS NULL"
)
_CLAIM = Statement(
    text("""
UPDATE sync.listing_import SET lease = CAST(:lease AS uuid),
  lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
WHERE channel_id = CAST(:channel_id AS bigint) AND finished_at IS NULL AND next_at <= clock_timestamp()
  AND (lease_until IS NULL OR lease_until < clock_timestamp()) RETURNING cursor, pass
""")
)
_MOVE = text("""
UPDATE sync.listing_import SET cursor = :cursor, found_count = found_count + :found, known_count = known_count + :known,
  matched_count = matched_count + :matched, message = '',
  finished_at = CASE WHEN :is_last THEN clock_timestamp() END,
  lease = CASE WHEN :is_last THEN NULL ELSE lease END,
  lease_until = CASE WHEN :is_last THEN NULL
    ELSE clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second' END
WHERE channel_id = :channel_id AND lease = CAST(:lease AS uuid)
""")
# What a whole pass did not see is offered no more.
_SWEEP = text("DELETE FROM sync.unmatched_listing WHERE channel_id = :channel_id AND pass < :pass")
_RELEASE = Statement(
    text("""
UPDATE sync.listing_import SET lease = NULL, lease_until = NULL, message = CAST(:message AS text),
  next_at = clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second'
WHERE channel_id = CAST(:channel_id AS bigint) AND lease = CAST(:lease AS uuid)
""")
)
_MOST_UNITS = 2**31 - 1


class ImportLost(Aborted):
    """Another worker goes on with the import."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A listing that a match has made."""

    id: int
    channel_id: int
    platform_sku: str
    variant_id: int
    sku: str


async def match_variants(
    conn: AsyncConnection, skus: Mapping[int, str], channel_id: int | None = None
) -> list[Matched]:
    """Make listings of what is called as a variant of the catalog is. Safe to repeat."""
    values = {"variant_ids": list(skus), "skus": list(skus.values()), "channel_id": channel_id}
    return _matched((await conn.execute(_BY_VARIANT, values)).all()) if skus else []


async def match_listed(
    conn: AsyncConnection, platform_skus: Sequence[str], channel_id: int | None = None
) -> list[Matched]:
    """Make listings of what other channels sell under the same platform SKU, where they agree on the variant, and forget what
    has a listing itself. Safe to repeat."""
    if not platform_skus or not (await conn.execute(_HAS_ANY)).scalar_one():
        return []
    await conn.execute(_FORGET_KNOWN, {"platform_skus": list(platform_skus)})
    values = {"platform_skus": list(platform_skus), "channel_id": channel_id}
    return _matched((await conn.execute(_BY_OTHERS, values)).all())


async def match_one(conn: AsyncConnection, unmatched_id: int, *, variant_id: int, sku: str) -> Matched | None:
    """Make a listing of one as a person says; None when it is gone."""
    rows = (await conn.execute(_BY_PERSON, {"id": unmatched_id, "variant_id": variant_id, "sku": sku})).all()
    return next(iter(_matched(rows)), None)


async def channel_of(conn: AsyncConnection, unmatched_id: int) -> int | None:
    """The channel of an unmatched listing, which is locked for the transaction; None when there is none."""
    found: int | None = (await conn.execute(_LOCK, {"id": unmatched_id})).scalar_one_or_none()
    return found


async def dismiss(conn: AsyncConnection, unmatched_id: int, *, dismissed: bool) -> None:
    """Say whether one is any of the hub's business. Safe to repeat."""
    await conn.execute(_DISMISS, {"id": unmatched_id, "dismissed": dismissed})


def _matched(rows: Sequence[Any]) -> list[Matched]:
    return [Matched(row.id, row.channel_id, row.platform_sku, row.variant_id, row.sku) for row in rows]


async def begin_import(conn: AsyncConnection, channel_id: int) -> None:
    """Begin an import of an account's listings; one under way goes on, at once."""
    await conn.execute(_BEGIN, {"channel_id": channel_id})
    await conn.execute(_HURRY, {"channel_id": channel_id})


@dataclass(frozen=True, slots=True)
class ImportTurn:
    """One worker's turn with one channel's import."""

    db: Database
    channel_id: int
    lease: UUID
    lease_s: float
    number: int = 0
    """The number of the pass, by which what it has not seen is known at its end."""
    cursor: str = ""

    @classmethod
    async def claim(cls, db: Database, channel_id: int, lease: UUID, lease_s: float) -> ImportTurn | None:
        """Take the turn; None when nothing is due."""
        row = await db.fetchrow(_CLAIM, channel_id=channel_id, lease=lease, lease_s=lease_s)
        return cls(db, channel_id, lease, lease_s, row["pass"], row["cursor"]) if row is not None else None

    async def keep(self, found: Sequence[FoundListing], skus: Mapping[int, str], cursor: str) -> int:
        """Match a page, keep the rest of it, and go on behind it, in one transaction; answers how many were matched.

        `skus` are the variants called as listings of the page are. Raises ImportLost, which keeps nothing.
        """
        unique = {one.platform_sku: one for one in found if 0 < len(one.platform_sku) <= IDS_KEPT["platform_sku"]}

        async def work(conn: AsyncConnection) -> int:
            here = {"channel_id": self.channel_id, "platform_skus": sorted(unique)}
            known = set((await conn.execute(_FIND_KNOWN, here)).scalars())
            rest = [unique[sku] for sku in sorted(unique.keys() - known)]
            matched: list[Matched] = []
            if rest:
                await conn.execute(_KEEP, {"channel_id": self.channel_id, "pass": self.number, **_columns(rest)})
                matched += await match_variants(conn, skus, self.channel_id)
            matched += await match_listed(conn, sorted(unique), self.channel_id)
            await self._move(conn, len(unique), len(known), len(matched), cursor)
            return len(matched)

        return await self.db.run(work)

    async def _move(self, conn: AsyncConnection, found: int, known: int, matched: int, cursor: str) -> None:
        values = {
            "channel_id": self.channel_id,
            "lease": self.lease,
            "lease_s": self.lease_s,
            "cursor": cursor,
            "is_last": not cursor,
            "found": found,
            "known": known,
            "matched": matched,
        }
        if (await conn.execute(_MOVE, values)).rowcount == 0:
            raise ImportLost("Another worker goes on with the import of this channel.")
        if not cursor:
            await conn.execute(_SWEEP, {"channel_id": self.channel_id, "pass": self.number})

    async def release(self, wait_s: float, message: str) -> None:
        """Go on later from where it stands."""
        await self.db.execute(
            _RELEASE, channel_id=self.channel_id, lease=self.lease, wait_s=wait_s, message=message[:1000]
        )


def _columns(found: Sequence[FoundListing]) -> dict[str, list[Any]]:
    def cut(name: str, value: str) -> str:
        return value.replace("\0", "")[: IDS_KEPT[name]]

    return {
        "platform_skus": [one.platform_sku.replace("\0", "") for one in found],
        "external_ids": [cut("external_id", one.external_ids.get(LISTING_ID, "")) for one in found],
        "ids": [
            json.dumps({name: value.replace("\0", "") for name, value in one.external_ids.items()}) for one in found
        ],
        "asins": [cut("asin", one.asin) for one in found],
        "titles": [cut("title", one.title) for one in found],
        "quantities": [None if one.quantity is None else max(0, min(one.quantity, _MOST_UNITS)) for one in found],
        "prices": [one.price if one.price is not None and 0 <= one.price < 10**12 else None for one in found],
        "currencies": [one.currency[:3] if len(one.currency) >= 3 else "USD" for one in found],
    }
