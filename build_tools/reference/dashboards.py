"""The dashboards for Grafana, as rows of panels; deploy/observability/grafana/*.json are written from them.

Every query is checked by a test against the metrics that exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH, _HEIGHT = 24, 8
_CHANNEL = "{{platform}} {{account}}"
_FAULTS = 'code=~"INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED"'
_EDGE = 'envoy_http_conn_manager_prefix="hub"'


@dataclass(frozen=True)
class Panel:
    """One graph: queries with what each line is called. `unit` is one of Grafana's."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    help: str = ""


Row = tuple[str, Sequence[Panel]]

HUB: Sequence[Row] = (
    (
        "Calls",
        (
            Panel(
                "Calls by service",
                {"sum by (instance) (rate(hub_rpc_answers_total[5m]))": "{{instance}}"},
                "reqps",
            ),
            Panel(
                "Failures of the hub's own",
                {
                    f"sum by (instance, code) (rate(hub_rpc_answers_total{{{_FAULTS}}}[5m]))": "{{instance}} {{code}}",
                    "sum by (instance) (increase(hub_unforeseen_errors_total[5m]))": "{{instance}} unforeseen",
                },
                "reqps",
            ),
            Panel(
                "Refusals by role",
                {
                    'sum by (role, code) (rate(hub_rpc_answers_total{code=~"PERMISSION_DENIED|UNAUTHENTICATED"}[5m]))': (
                        "{{role}} {{code}}"
                    )
                },
                "reqps",
            ),
        ),
    ),
    (
        "Time",
        (
            Panel(
                "Slowest hundredth by service",
                {"histogram_quantile(0.99, sum by (instance, le) (rate(hub_rpc_seconds_bucket[5m])))": "{{instance}}"},
                "s",
                "Streams are not in it.",
            ),
            Panel(
                "Median by service",
                {"histogram_quantile(0.5, sum by (instance, le) (rate(hub_rpc_seconds_bucket[5m])))": "{{instance}}"},
                "s",
            ),
            Panel(
                "Average by method",
                {
                    "sum by (method) (rate(hub_rpc_seconds_sum[5m])) / sum by (method) (rate(hub_rpc_seconds_count[5m]))": (
                        "{{method}}"
                    )
                },
                "s",
            ),
        ),
    ),
    (
        "Room",
        (
            Panel("Calls under way", {"hub_rpc_under_way": "{{instance}}"}),
            Panel(
                "Connections in use",
                {'hub_pool_connections{state="used"}': "{{instance}} {{pool}}"},
            ),
            Panel(
                "Wait for a connection, slowest twentieth",
                {
                    "histogram_quantile(0.95, sum by (instance, pool, le) (rate(hub_pool_wait_seconds_bucket[5m])))": (
                        "{{instance}} {{pool}}"
                    )
                },
                "s",
            ),
            Panel(
                "Event loop lag, average",
                {
                    "rate(hub_event_loop_lag_seconds_sum[5m]) / rate(hub_event_loop_lag_seconds_count[5m])": "{{instance}}"
                },
                "s",
            ),
            Panel(
                "Reads by standby and primary", {"sum by (by) (rate(hub_replica_reads_total[5m]))": "{{by}}"}, "reqps"
            ),
            Panel("Memory", {"process_resident_memory_bytes": "{{instance}}"}, "bytes"),
            Panel("Processor", {"rate(process_cpu_seconds_total[5m])": "{{instance}}"}, "percentunit"),
        ),
    ),
    (
        "Beside the calls",
        (
            Panel(
                "Age of the newest backup",
                {
                    "time() - max(hub_backup_last_success_timestamp_seconds)": "the newest backup",
                    "time() - max(hub_backup_wal_shipped_timestamp_seconds)": "the log, last segment stored",
                },
                "s",
            ),
            Panel("Backups that failed", {"increase(hub_backup_failures_total[1h])": "{{instance}}"}),
            Panel("Ready", {"hub_ready": "{{instance}}", "hub_trust_following": "{{instance}} follows auth"}),
            Panel("Broken background work", {"increase(hub_background_failures_total[10m])": "{{instance}} {{work}}"}),
            Panel("Passwords waiting", {"hub_passwords_waiting": "{{instance}}", "max(hub_sign_in_alarms)": "alarms"}),
        ),
    ),
)

CHANNELS: Sequence[Row] = (
    (
        "From the ledger to the channels",
        (
            Panel(
                "Oldest listing that waits",
                {"max by (platform, account) (hub_listing_oldest_pending_seconds)": _CHANNEL},
                "s",
            ),
            Panel(
                "Listings that are not as they should be",
                {
                    'max by (platform, account, status) (hub_listings{status!="SYNCED"})': _CHANNEL + " {{status}}",
                },
            ),
            Panel(
                "Silence of the feeds",
                {
                    "min by (feed) (hub_feed_behind_seconds)": "sync behind {{feed}}",
                    "max by (feed) (hub_outbox_unsettled_seconds)": "{{feed}} held by a transaction",
                },
                "s",
            ),
            Panel("Readers of the feeds", {"sum by (feed) (hub_feed_readers)": "{{feed}}"}),
        ),
    ),
    (
        "Marketplaces",
        (
            Panel(
                "Calls by outcome",
                {"sum by (platform, outcome) (rate(hub_marketplace_seconds_count[5m]))": "{{platform}} {{outcome}}"},
                "reqps",
            ),
            Panel(
                "Slowest twentieth",
                {
                    "histogram_quantile(0.95, sum by (platform, le) (rate(hub_marketplace_seconds_bucket[5m])))": "{{platform}}"
                },
                "s",
            ),
            Panel(
                "Quota left",
                {
                    "min by (platform, account, quota) (hub_quota_left / hub_quota_limit)": _CHANNEL + " {{quota}}",
                },
                "percentunit",
            ),
            Panel(
                "Channels that cannot be spoken with",
                {"max by (platform, account, why) (hub_channel_blocked)": _CHANNEL + " {{why}}"},
            ),
            Panel(
                "Last asked for orders",
                {"min by (platform, account) (hub_channel_poll_age_seconds)": _CHANNEL},
                "s",
            ),
            Panel("Consent lasts", {"min by (platform, account) (hub_channel_consent_seconds)": _CHANNEL}, "s"),
        ),
    ),
    (
        "What is at stake",
        (
            Panel("Units at risk", {"max by (platform, account) (hub_drift_units_at_risk)": _CHANNEL}),
            Panel(
                "Money at risk",
                {"max by (platform, account, currency) (hub_drift_money_at_risk)": _CHANNEL + " {{currency}}"},
            ),
            Panel(
                "Orders",
                {
                    "max by (platform, account) (hub_orders_needing_attention)": _CHANNEL + " need a person",
                    "max by (platform, account) (hub_order_tasks)": _CHANNEL + " not taken in yet",
                },
            ),
            Panel(
                "Holds",
                {
                    "max by (minutes) (hub_holds_ending)": "end within {{minutes}} min",
                    "max(hub_holds_overdue)": "ran out and not tidied",
                },
            ),
        ),
    ),
)

GATEWAY: Sequence[Row] = (
    (
        "Answers",
        (
            Panel(
                "By class",
                {
                    f"sum by (envoy_response_code_class) (rate(envoy_http_downstream_rq_xx{{{_EDGE}}}[5m]))": (
                        "{{envoy_response_code_class}}xx"
                    )
                },
                "reqps",
            ),
            Panel(
                "Slowest hundredth by service, ms",
                {
                    "histogram_quantile(0.99, sum by (envoy_cluster_name, le)"
                    " (rate(envoy_cluster_upstream_rq_time_bucket[5m])))": ("{{envoy_cluster_name}}")
                },
                "ms",
            ),
            Panel(
                "Healthy replicas",
                {"max by (envoy_cluster_name) (envoy_cluster_membership_healthy)": "{{envoy_cluster_name}}"},
            ),
            Panel(
                "Tried again",
                {"sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_rq_retry[5m]))": "{{envoy_cluster_name}}"},
                "reqps",
            ),
        ),
    ),
)

_DASHBOARDS = {
    "hub.json": ("hub", "Hub", HUB),
    "channels.json": ("hub-channels", "Hub: channels", CHANNELS),
    "gateway.json": ("hub-gateway", "Hub: gateway", GATEWAY),
}


def files() -> dict[str, str]:
    """Every file by name, with its text."""
    return {
        name: json.dumps(_dashboard(uid, title, rows), indent=1) + "\n"
        for name, (uid, title, rows) in _DASHBOARDS.items()
    }


def panels() -> list[Panel]:
    """Every panel of every dashboard."""
    return [panel for _, _, rows in _DASHBOARDS.values() for _, row in rows for panel in row]


def _dashboard(uid: str, title: str, rows: Sequence[Row]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    top = 0
    for heading, row in rows:
        found.append({"type": "row", "title": heading, "gridPos": _place(0, top, _WIDTH, 1), "collapsed": False})
        top += 1
        for index, panel in enumerate(row):
            width = _WIDTH // min(3, len(row))
            place = _place(index % 3 * width, top + index // 3 * _HEIGHT, width, _HEIGHT)
            found.append(_panel(panel, place))
        top += (len(row) + 2) // 3 * _HEIGHT
    for number, one in enumerate(found, 1):
        one["id"] = number
    return {
        "uid": uid,
        "title": title,
        "tags": ["hub"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": found,
    }


def _panel(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.help,
        "gridPos": place,
        "datasource": {"type": "prometheus", "uid": "hub-prometheus"},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(panel.queries.items())
        ],
    }


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}
