"""What can be seen from anywhere, through the gateway: health, clock, certificate, channels, stock."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2
from google.protobuf.timestamp_pb2 import Timestamp
from usav.inventory.v1 import inventory_service_pb2, proof_pb2
from usav.sync.v1 import channel_pb2, drift_pb2
from usav.sync.v1 import sync_service_pb2 as sync

from hubctl.client import Hub
from hubctl.doctor.finding import Check, Finding, judged, skipped, well
from hubctl.output import money

_CLOCK_WARN_S, _CLOCK_FAIL_S = 2.0, 30.0
_CERTIFICATE_WARN, _CERTIFICATE_FAIL = timedelta(days=21), timedelta(days=3)
_PENDING_WARN, _PENDING_FAIL = timedelta(minutes=2), timedelta(minutes=10)
_POLL_LIMIT = timedelta(minutes=15)
_SAMPLE = 20


class ApiChecks:
    """Checks through the API of one hub, as an admin."""

    def __init__(self, hub: Hub, *, sample: int = _SAMPLE) -> None:
        self._hub = hub
        self._sample = sample

    def all(self) -> list[tuple[str, Check]]:
        """In the order in which one would look."""
        return [
            ("health", self._health),
            ("certificate", self._certificate),
            ("channels", self._channels),
            ("drift", self._drift),
            ("ledger", self._ledger),
        ]

    def _health(self) -> Iterator[Finding]:
        began = time.time()
        answer = httpx2.get(f"{self._hub.url}/health", timeout=10)
        ended = time.time()
        if answer.status_code != 200:
            todo = "See the logs of the service named, and its alert's runbook HubServiceNotReady."
            yield judged("health", _brief(answer.text), todo, fail=True)
        else:
            yield well("health", f"all services serve ({(ended - began) * 1000:.0f} ms)")
        if (told := answer.headers.get("date")) is not None:
            yield _clock(parsedate_to_datetime(told).timestamp(), began, ended)

    def _certificate(self) -> Iterator[Finding]:
        parts = urlsplit(self._hub.url)
        if parts.scheme != "https":
            local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
            todo = "Set HUB_TLS_CERT and HUB_TLS_KEY, or let a proxy before the gateway speak TLS."
            yield judged("certificate", "the gateway speaks without TLS", todo, warn=not local)
            return
        context = ssl.create_default_context()
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            told = secure.getpeercert() or {}
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), UTC)
        yield certificate_ends("certificate", ends)

    def _channels(self) -> Iterator[Finding]:
        channels = self._hub.sync.GetSyncStatus(sync.GetSyncStatusRequest()).channels
        if not channels:
            yield skipped("channels", "there are none yet")
        for channel in channels:
            yield from _channel(channel)

    def _drift(self) -> Iterator[Finding]:
        answer = self._hub.sync.ListDrift(drift_pb2.ListDriftRequest(page_size=1))
        risk = ", ".join(money(amount) for amount in answer.money_at_risk)
        yield judged(
            "drift",
            f"{answer.total_size} listings differ, {answer.units_at_risk} units at risk"
            + (f" ({risk})" if risk else ""),
            "`hubctl drift list` shows them; those that do not go away by themselves: runbook HubDriftAtRisk.",
            warn=answer.total_size > 0,
            fail=answer.units_at_risk > 0,
        )

    def _ledger(self) -> Iterator[Finding]:
        """A sample: the whole proof is `hubctl inventory verify`."""
        ids = self._some_units()
        if not ids:
            yield skipped("ledger", "there are no units yet")
            return
        wrong = [found for item_id in ids for found in self._findings(item_id)]
        seen = wrong[0] if wrong else f"{len(ids)} units taken at random agree with their history"
        todo = "Run `hubctl inventory verify`, stop selling what it names, and restore from a backup if it was tampered with."
        yield judged("ledger", seen, todo, fail=bool(wrong))

    def _some_units(self) -> list[int]:
        newest = self._hub.inventory.ListMovements(inventory_service_pb2.ListMovementsRequest(page_size=1000))
        ids = sorted({movement.item_id for movement in newest.items})
        return random.sample(ids, min(self._sample, len(ids)))

    def _findings(self, item_id: int) -> Iterator[str]:
        for step in self._hub.inventory.VerifyLedger(proof_pb2.VerifyLedgerRequest(item_id=item_id), timeout=30):
            if step.HasField("finding"):
                yield f"unit {step.finding.item_id}: {step.finding.what}"


def certificate_ends(check: str, ends: datetime) -> Finding:
    """How long a certificate is still good."""
    left = ends - datetime.now(UTC)
    todo = "Renew it where it came from and start the gateway again; runbook HubCertificateEnds."
    seen = f"is good until {ends:%Y-%m-%d} ({left.days} days)"
    return judged(check, seen, todo, warn=left < _CERTIFICATE_WARN, fail=left < _CERTIFICATE_FAIL)


def _clock(told: float, began: float, ended: float) -> Finding:
    """The gateway tells whole seconds, so up to one second is nothing."""
    off = max(0.0, told - ended, began - 1 - told)
    todo = "Let both machines keep their time (NTP): tokens are refused and times in the history are wrong otherwise."
    seen = f"the hub's clock and this one differ by {off:.0f} s"
    return judged("clock", seen, todo, warn=off > _CLOCK_WARN_S, fail=off > _CLOCK_FAIL_S)


def _channel(channel: channel_pb2.ChannelStatus) -> Iterable[Finding]:
    name = f"{channel_pb2.Channel.Platform.Name(channel.platform)} {channel.account}"
    active = channel.state == channel_pb2.Channel.ACTIVE
    connected = channel.connection == channel_pb2.Channel.CONNECTED
    if active and not connected:
        said = channel.message or channel_pb2.Channel.Connection.Name(channel.connection)
        yield judged(f"channel {name}", said, "Runbook HubChannelBlocked.", fail=True)
    elif not active:
        yield well(f"channel {name}", "paused")
        return
    yield from (
        one
        for one in (
            _waiting(name, channel),
            judged(
                f"channel {name}: refused listings",
                f"{channel.error_count} of {channel.listing_count}",
                "`hubctl listings list --status ERROR` says why; then `hubctl listings retry ID`.",
                warn=channel.error_count > 0,
            ),
            judged(
                f"channel {name}: orders to resolve",
                f"{channel.attention_count}",
                "`hubctl orders list --attention`, then `hubctl orders resolve ID`.",
                fail=channel.attention_count > 0,
            ),
            *_quotas(name, channel),
            *(judged(f"channel {name}: warning", text, text, warn=True) for text in channel.warnings if connected),
            _polled(name, channel),
        )
        if one.todo
    )
    if connected:
        yield well(f"channel {name}", f"{channel.listing_count} listings, {_token(channel)}")


def _waiting(name: str, channel: channel_pb2.ChannelStatus) -> Finding:
    waits = _since(channel.oldest_pending_time) if channel.HasField("oldest_pending_time") else timedelta()
    return judged(
        f"channel {name}: waiting listings",
        f"{channel.pending_count + channel.dirty_count}, the oldest for {waits.total_seconds():.0f} s",
        "Runbook HubListingsStuck.",
        warn=waits > _PENDING_WARN,
        fail=waits > _PENDING_FAIL,
    )


def _quotas(name: str, channel: channel_pb2.ChannelStatus) -> Iterator[Finding]:
    for quota in channel.quotas:
        low = quota.limit >= 100 and quota.remaining * 10 < quota.limit
        seen = f"{quota.remaining} of {quota.limit} left"
        yield judged(f"channel {name}: quota {quota.name}", seen, "Runbook HubQuotaLow.", warn=low)


def _polled(name: str, channel: channel_pb2.ChannelStatus) -> Finding:
    silent = channel.HasField("last_poll_time") and _since(channel.last_poll_time) > _POLL_LIMIT
    seen = f"last asked {_since(channel.last_poll_time).total_seconds():.0f} s ago" if silent else "asked lately"
    return judged(f"channel {name}: orders", seen, "Runbook HubChannelNotPolled.", fail=silent)


def _token(channel: channel_pb2.ChannelStatus) -> str:
    if not channel.HasField("token_expire_time"):
        return "no token needed yet"
    return f"token until {channel.token_expire_time.ToDatetime():%H:%M} UTC"


def _since(value: Timestamp) -> timedelta:
    return datetime.now(UTC) - value.ToDatetime(UTC)


def _brief(text: str) -> str:
    return " ".join(text.split())[:200]
