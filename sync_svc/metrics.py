"""What the sync service shows of itself beside its calls: how far each channel is behind the truth, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import text

from chassis.clock import now
from chassis.database import Database, Statement
from chassis.gauges import Numbers, Reading, by_statement
from chassis.metrics import Rows
from sync_svc.channels.base import Quota
from sync_svc.connectors import Connectors
from sync_svc.domain.channel import Channel, ChannelState, Connection
from sync_svc.queries.channels import ListingTotals, Standing, standings

_CHANNEL = ["platform", "account"]
LISTINGS = Rows("hub_listings", "Listings by what they are: PENDING, DIRTY, SYNCED, ERROR.", [*_CHANNEL, "status"])
OLDEST = Rows(
    "hub_listing_oldest_pending_seconds", "For how long the oldest listing that is to be pushed has waited.", _CHANNEL
)
ATTENTION = Rows("hub_orders_needing_attention", "Orders that need a person.", _CHANNEL)
POLLED = Rows("hub_channel_poll_age_seconds", "How long ago an active channel was last asked for orders.", _CHANNEL)
BLOCKED = Rows(
    "hub_channel_blocked",
    "1 while an active channel cannot be spoken with: AUTH_REFUSED, THROTTLED, NO_CREDENTIALS or NO_CONNECTOR.",
    [*_CHANNEL, "why"],
)
CONSENT = Rows("hub_channel_consent_seconds", "How long a seller's consent lasts.", _CHANNEL)
QUOTA_LEFT = Rows("hub_quota_left", "Calls left of a quota, as this process knows it.", [*_CHANNEL, "quota"])
QUOTA_LIMIT = Rows("hub_quota_limit", "The most a quota ever holds.", [*_CHANNEL, "quota"])
UNITS_AT_RISK = Rows(
    "hub_drift_units_at_risk", "Units offered that are not there, as the last comparison found.", _CHANNEL
)
MONEY_AT_RISK = Rows("hub_drift_money_at_risk", "What those units are offered for.", [*_CHANNEL, "currency"])
FEED_BEHIND = Rows(
    "hub_feed_behind_seconds",
    "How long ago sync last heard from a change feed; an idle feed is heard every 5 s.",
    ["feed"],
)
TASKS = Rows("hub_order_tasks", "Orders known from their channel and not taken in yet.", _CHANNEL)

_RISK = Statement(
    text("""
SELECT c.platform, c.account, d.currency, sum(d.units_at_risk)::float8 AS units, sum(d.money_at_risk)::float8 AS money
FROM sync.drift d JOIN sync.channel c ON c.id = d.channel_id JOIN sync.listing l ON l.id = d.listing_id
WHERE d.closed_at IS NULL AND NOT coalesce(l.synced_generation >= d.mend_generation, false) GROUP BY 1, 2, 3
""")
)
_BEHIND = Statement(
    text("SELECT feed, extract(epoch FROM clock_timestamp() - updated_at)::float8 FROM sync.feed_position")
)
_TASKS = Statement(
    text("""
SELECT c.platform, c.account, count(*)::float8 FROM sync.order_task t JOIN sync.channel c ON c.id = t.channel_id GROUP BY 1, 2
""")
)


class ChannelGauges:
    """How the channels stand, as `GetSyncStatus` tells it."""

    def __init__(self, db: Database, connectors: Connectors) -> None:
        self._db = db
        self._connectors = connectors
        self._totals = ListingTotals(db)

    def readings(self) -> list[Reading]:
        """All that sync shows."""
        return [
            Reading([LISTINGS, OLDEST, ATTENTION, POLLED, BLOCKED, CONSENT, QUOTA_LEFT, QUOTA_LIMIT], self._standings),
            Reading([UNITS_AT_RISK, MONEY_AT_RISK], self._risk),
            by_statement(self._db, FEED_BEHIND, _BEHIND),
            by_statement(self._db, TASKS, _TASKS),
        ]

    async def _standings(self) -> Sequence[Numbers]:
        found = await standings(self._db, self._totals, None)
        at = now()
        active = [one for one in found if one.channel.state is ChannelState.ACTIVE]
        return [
            {(*_name(one.channel), status): number for one in found for status, number in _by_status(one)},
            {_name(one.channel): _age(one.oldest_pending_at, at) for one in found},
            {_name(one.channel): one.attention for one in found},
            {_name(one.channel): _age(one.last_poll_at, at) for one in active if one.last_poll_at is not None},
            {(*_name(one.channel), why): 1 for one in active if (why := self._why_blocked(one.channel, at))},
            {_name(one.channel): -_age(ends, at) for one in found if (ends := one.channel.consent_expires_at)},
            {(*name, quota.name): quota.remaining for name, quota in self._quotas(found)},
            {(*name, quota.name): quota.limit for name, quota in self._quotas(found)},
        ]

    def _quotas(self, found: Sequence[Standing]) -> Iterator[tuple[tuple[str, str], Quota]]:
        for one in found:
            connector = self._connectors.in_use(one.channel.id)
            for quota in connector.quotas() if connector else ():
                yield _name(one.channel), quota

    async def _risk(self) -> Sequence[Numbers]:
        units: dict[tuple[str, ...], float] = {}
        money: dict[tuple[str, ...], float] = {}
        for row in await self._db.fetch(_RISK):
            name = (row["platform"], row["account"])
            units[name] = units.get(name, 0) + row["units"]
            money[*name, row["currency"]] = row["money"]
        return [units, money]

    def _why_blocked(self, channel: Channel, at: datetime) -> str:
        connection = channel.connection(has_connector=self._connectors.has(channel.platform), now=at)
        if connection is Connection.CONNECTED and self._connectors.trouble(channel):
            return Connection.NO_CREDENTIALS
        return "" if connection is Connection.CONNECTED else connection


def _name(channel: Channel) -> tuple[str, str]:
    return channel.platform, channel.account


def _by_status(one: Standing) -> list[tuple[str, float]]:
    synced = max(0, one.listings - one.pending - one.dirty - one.failed)
    return [("PENDING", one.pending), ("DIRTY", one.dirty), ("ERROR", one.failed), ("SYNCED", synced)]


def _age(since: datetime | None, at: datetime) -> float:
    return 0.0 if since is None else (at - since).total_seconds()
