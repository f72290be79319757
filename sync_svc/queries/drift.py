"""Differences between hub and platforms, and the passes that look for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, or_, select, text

from chassis.database import Database
from sync_svc.queries.pages import Page, count, cut
from sync_svc.storage.channels import is_named
from sync_svc.storage.tables import channel, drift, listing

_PASSES = text("""
SELECT channel_id, started_at, finished_at, next_at, checked_count, differing_count, message,
  after_id > 0 OR lease_until > clock_timestamp() AS is_under_way
FROM sync.reconciliation ORDER BY channel_id
""")
_MENDED: ColumnElement[bool] = or_(
    drift.c.closed_at.is_not(None),
    func.coalesce(listing.c.synced_generation >= drift.c.mend_generation, literal(False)),
)
_STATE = case((_MENDED, "MENDED"), (drift.c.mend_generation.is_not(None), "MENDING"), else_="OPEN").label("state")


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, with its listing and channel."""

    id: int
    listing_id: int
    channel_id: int
    platform: str
    account: str
    sku: str
    platform_sku: str
    state: str
    quantity: bool
    price: bool
    is_gone: bool
    hub_quantity: int
    live_quantity: int | None
    hub_price: Decimal | None
    live_price: Decimal | None
    live_state: str
    currency: str
    units_at_risk: int
    money_at_risk: Decimal
    found_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """How a channel's last pass went, or goes."""

    channel_id: int
    started_at: datetime | None
    finished_at: datetime | None
    next_at: datetime | None
    checked_count: int
    differing_count: int
    is_under_way: bool
    message: str


@dataclass(frozen=True, slots=True)
class Risk:
    """What all differences found by a filter amount to, the mended ones left out."""

    units: int
    money: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class DriftFilter:
    """Which differences to list; what is unset does not filter."""

    platform: str = ""
    channel: str = ""
    show_mended: bool = False


async def list_drift(db: Database, wanted: DriftFilter, *, before_id: int | None, most: int) -> Page[Drift]:
    """One page, newest first."""
    conditions = _conditions(wanted)
    own = [column for column in drift.c if column.name in Drift.__dataclass_fields__ and column.name != "state"]
    named = [channel.c.platform, channel.c.account, listing.c.sku, listing.c.platform_sku]
    found = _joined(*own, *named, drift.c.state.label("is_gone"), _STATE).where(*conditions)
    paged = found if before_id is None else found.where(drift.c.id < before_id)
    async with db.translated(), db.read.connect() as conn:
        rows = (await conn.execute(paged.order_by(drift.c.id.desc()).limit(most + 1))).mappings()
        items = [Drift(**row) for row in rows]
        total = await count(conn, _joined(drift.c.id).where(*conditions))
    return cut(items, most, total)


async def risk(db: Database, wanted: DriftFilter) -> Risk:
    """Units and money at risk."""
    sums = _joined(drift.c.currency, func.sum(drift.c.units_at_risk), func.sum(drift.c.money_at_risk))
    sums = sums.where(*_conditions(wanted), ~_MENDED).group_by(drift.c.currency)
    async with db.translated(), db.read.connect() as conn:
        rows = (await conn.execute(sums)).all()
    return Risk(sum(units for _, units, _ in rows), {currency: amount for currency, _, amount in rows})


async def passes(db: Database) -> Sequence[Pass]:
    """The last pass of each channel, or the one under way."""
    async with db.translated(), db.read.connect() as conn:
        return [Pass(**row) for row in (await conn.execute(_PASSES)).mappings()]


def _joined(*columns: Any) -> Any:
    return select(*columns).select_from(
        drift.join(listing, listing.c.id == drift.c.listing_id).join(channel, channel.c.id == drift.c.channel_id)
    )


def _conditions(wanted: DriftFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.platform:
        conditions.append(channel.c.platform == wanted.platform)
    if wanted.channel:
        conditions.append(is_named(wanted.channel))
    if not wanted.show_mended:
        conditions += [drift.c.closed_at.is_(None), ~_MENDED]
    return conditions
