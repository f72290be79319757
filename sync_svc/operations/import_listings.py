"""Brings many listings in at once, as a catalogue import does: every row gets an end, and a repeat changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.domain.channel import DEFAULT_ACCOUNT, Platform
from sync_svc.domain.listing import Listing, NewListing
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.operations.desk import Desk
from sync_svc.operations.listings import take_up_again
from sync_svc.storage import listings as stored
from sync_svc.storage.channels import channels_of_platform, ensure_channels

Key = tuple[int, str]
"""A channel and the channel's own SKU."""


class RowStatus(StrEnum):
    """The end of a row."""

    CREATED = "CREATED"
    UNCHANGED = "UNCHANGED"
    UPDATED = "UPDATED"
    CONFLICT = "CONFLICT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Row:
    """A listing as an import brings it."""

    variant_id: int
    sku: str
    platform: Platform
    account: str
    platform_sku: str
    external_id: str = ""
    asin: str = ""
    name: str = ""
    description: str = ""
    price: Decimal | None = None
    currency: str = "USD"

    def listing(self, channel_id: int) -> NewListing:
        """The listing it stands for."""
        return NewListing(
            channel_id=channel_id,
            variant_id=self.variant_id,
            sku=self.sku,
            platform_sku=self.platform_sku,
            external_id=self.external_id or None,
            asin=self.asin,
            name=self.name,
            description=self.description,
            price=self.price,
            currency=self.currency,
        )


@dataclass(frozen=True, slots=True)
class RowEnd:
    """What became of a row."""

    status: RowStatus
    listing_id: int = 0
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class _Batch:
    """The rows on their way to their ends."""

    rows: Sequence[Row]
    keys: list[Key]
    known: dict[Key, Listing] = field(default_factory=dict)
    owners: dict[Key, str] = field(default_factory=dict)
    """External id to the platform SKU that has it."""
    ends: dict[int, RowEnd] = field(default_factory=dict)


async def upsert_listings(
    desk: Desk, conn: AsyncConnection, rows: Sequence[Row], bound: Channels, *, validate_only: bool = False
) -> list[RowEnd]:
    """Make the listings that are not there, fill in what the others lack; one end per row, in their order.

    Never changes a listing's variant, nor a value that is set. Safe to repeat, and to run twice at once.
    Raises OutsideChannels for all when one row is of a channel that the caller is not bound to.
    """
    batch = _Batch(rows, await _keys(conn, rows, make=not validate_only))
    for channel_id, _ in batch.keys:
        check_channel(bound, channel_id)
    await _look_up(conn, batch)
    creates = _sort_out(batch)
    if validate_only:
        batch.ends.update({index: RowEnd(RowStatus.CREATED) for index in creates})
        fills = [index for index in _fills(batch) if index not in batch.ends]
        batch.ends.update({index: _known(batch, index, RowStatus.UPDATED) for index in fills})
    else:
        await _create(desk, conn, batch, creates)
        await _fill_in(desk, conn, batch)
    return [batch.ends.get(index) or _known(batch, index, RowStatus.UNCHANGED) for index in range(len(rows))]


async def _keys(conn: AsyncConnection, rows: Sequence[Row], *, make: bool) -> list[Key]:
    """The channel of each row; missing ones are made, or stand for themselves when nothing may be made."""
    ids: dict[tuple[Platform, str], int] = {}
    only: dict[Platform, str] = {}
    for channel in await channels_of_platform(conn, sorted({row.platform for row in rows})):
        only[channel.platform] = "" if channel.platform in only else channel.account
        ids[channel.platform, channel.account] = channel.id
    names = [(row.platform, row.account.upper() or only.get(row.platform) or DEFAULT_ACCOUNT) for row in rows]
    missing = sorted(set(names) - set(ids))
    if make and missing:
        ids.update(await ensure_channels(conn, missing))
    else:
        ids.update({name: -place for place, name in enumerate(missing, 1)})
    return [(ids[name], row.platform_sku) for name, row in zip(names, rows, strict=True)]


async def _look_up(conn: AsyncConnection, batch: _Batch) -> None:
    channel_ids = sorted({channel_id for channel_id, _ in batch.keys})
    found = await stored.find_for_upsert(conn, channel_ids, sorted({sku for _, sku in batch.keys}))
    batch.known = {(listing.channel_id, listing.platform_sku): listing for listing in found}
    pairs = [(key[0], row.external_id) for key, row in zip(batch.keys, batch.rows, strict=True) if row.external_id]
    batch.owners = await stored.external_ids_in_use(conn, pairs) if pairs else {}


def _sort_out(batch: _Batch) -> list[int]:
    """Give conflicting rows their end; answers the rows to be created, each key once."""
    first: dict[Key, int] = {}
    creates = []
    for index, (key, row) in enumerate(zip(batch.keys, batch.rows, strict=True)):
        known, former = batch.known.get(key), first.setdefault(key, index)
        taken_by = known if known is not None else (batch.rows[former] if former != index else None)
        if taken_by is not None and taken_by.variant_id != row.variant_id and not _is_gone(known):
            batch.ends[index] = _sku_taken(row, taken_by.sku)
        elif _is_owned_by_another(batch, index):
            batch.ends[index] = _id_taken(row)
        elif former == index and (known is None or _is_gone(known)):
            creates.append(index)
    return creates


def _is_gone(known: Listing | None) -> bool:
    return known is not None and known.deleted_at is not None


def _is_owned_by_another(batch: _Batch, index: int) -> bool:
    row, (channel_id, platform_sku) = batch.rows[index], batch.keys[index]
    if not row.external_id:
        return False
    owner = batch.owners.setdefault((channel_id, row.external_id), platform_sku)
    return owner != platform_sku


async def _create(desk: Desk, conn: AsyncConnection, batch: _Batch, creates: Sequence[int]) -> None:
    """Make listings; those that another import made meanwhile are looked at again."""
    fresh = []
    for index in creates:
        new, former = batch.rows[index].listing(batch.keys[index][0]), batch.known.get(batch.keys[index])
        if former is None:
            fresh.append((index, new))
        else:
            batch.known[batch.keys[index]] = await take_up_again(desk, conn, former, new)
            batch.ends[index] = _known(batch, index, RowStatus.CREATED)
    made = await stored.insert_missing(conn, [new for _, new in fresh])
    for index, _ in fresh:
        if batch.keys[index] in made:
            batch.ends[index] = RowEnd(RowStatus.CREATED, made[batch.keys[index]])
    late = [index for index, _ in fresh if batch.keys[index] not in made]
    if late:
        await _look_up(conn, batch)
    for index in late:
        known = batch.known.get(batch.keys[index])
        if known is None:
            batch.ends[index] = _id_taken(batch.rows[index])
        elif known.variant_id != batch.rows[index].variant_id:
            batch.ends[index] = _sku_taken(batch.rows[index], known.sku)


async def _fill_in(desk: Desk, conn: AsyncConnection, batch: _Batch) -> None:
    fills = {index: values for index, values in _fills(batch).items() if index not in batch.ends}
    for index, values in fills.items():
        await stored.change_listing(conn, batch.known[batch.keys[index]].id, values)
        batch.ends[index] = _known(batch, index, RowStatus.UPDATED)
    if fills:
        ids = [batch.known[batch.keys[index]].id for index in fills]
        await desk.generations.raise_listings(conn, ids, content=True)


def _fills(batch: _Batch) -> dict[int, Mapping[str, Any]]:
    """What the known listings of the rows lack and the rows have."""
    fills = {}
    for index, (key, row) in enumerate(zip(batch.keys, batch.rows, strict=True)):
        known = batch.known.get(key)
        if known is not None and known.deleted_at is None and (lacking := _lacking(known, row)):
            fills[index] = lacking
    return fills


def _lacking(known: Listing, row: Row) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for name in ("external_id", "asin", "name", "description"):
        if getattr(row, name) and not getattr(known, name):
            values[name] = getattr(row, name)
    if row.price is not None and known.price is None:
        values |= {"price": row.price, "currency": row.currency}
    return values


def _known(batch: _Batch, index: int, status: RowStatus) -> RowEnd:
    known = batch.known.get(batch.keys[index])
    if known is not None:
        return RowEnd(status, known.id)
    # A repeat of a row within the call: its first one made the listing.
    first = batch.ends.get(batch.keys.index(batch.keys[index]))
    return RowEnd(status, first.listing_id if first else 0)


def _sku_taken(row: Row, sku: str) -> RowEnd:
    message = f"the platform SKU {row.platform_sku} stands for {sku} on this channel already"
    return RowEnd(RowStatus.CONFLICT, reason="PLATFORM_SKU_TAKEN", message=message)


def _id_taken(row: Row) -> RowEnd:
    message = f"the external id {row.external_id} belongs to another listing of this channel"
    return RowEnd(RowStatus.CONFLICT, reason="EXTERNAL_ID_TAKEN", message=message)
