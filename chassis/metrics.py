"""What a process of the hub counts, for Prometheus; docs/metrics.md is written from the declarations.

A metric is declared by whoever counts it, with `counter`, `gauge`, `histogram` or `Rows`. Labels take their values from small
closed sets (methods, roles, channels, outcomes), never from what a caller chooses: each pair of values is a series for ever.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

log = logging.getLogger(__name__)

NOBODY = "none"
"""The role of a caller who is not signed in; Prometheus cannot tell an empty label from an absent one."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric as its list shows it. `module` is the module that declares it."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    module: str


DECLARED: list[Declared] = []


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """A number that only grows. Raises ValueError unless its name ends in `_total`, as Prometheus will call it."""
    if not name.endswith("_total"):
        raise ValueError(f"{name}: the name of a counter ends in _total")
    _declare(name, "counter", help, labels)
    return Counter(name, help, labels)


def gauge(name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
    """A number as of now."""
    _declare(name, "gauge", help, labels)
    return Gauge(name, help, labels)


def histogram(name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = _SECONDS) -> Histogram:
    """How often, and how long: `_count`, `_sum` and `_bucket`."""
    _declare(name, "histogram", help, labels)
    return Histogram(name, help, labels, buckets=buckets)


class Rows:
    """A gauge whose rows are read from elsewhere, all at once: what is gone from there is gone from here.

    It is replaced as a whole, because the scrape runs on a thread of its own.
    """

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        _declare(name, "gauge", help, labels)
        self._name, self._help, self._labels = name, help, tuple(labels)
        self._rows: Mapping[tuple[str, ...], float] = {}
        REGISTRY.register(self)

    def replace(self, rows: Mapping[tuple[str, ...], float]) -> None:
        """Shows these rows, by the values of their labels, and no other."""
        self._rows = rows

    def describe(self) -> Iterable[Metric]:
        """For the registry: the name, without the rows."""
        return [GaugeMetricFamily(self._name, self._help, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """For the registry: the rows of the last reading."""
        family = GaugeMetricFamily(self._name, self._help, labels=self._labels)
        for values, number in self._rows.items():
            family.add_metric(values, number)
        return [family]


def _declare(name: str, kind: str, help: str, labels: Sequence[str]) -> None:
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
    module = str(caller.f_globals["__name__"]) if caller is not None else ""
    DECLARED.append(Declared(name, kind, help, tuple(labels), module))


LATENCY = histogram(
    "hub_rpc_seconds",
    "Time from request to answer, by method and the caller's role; streams are not in it.",
    ["method", "role"],
)
STREAMS = histogram(
    "hub_stream_seconds",
    "How long streams of answers were read.",
    ["method"],
    buckets=(0.1, 1, 10, 60, 600, 3600),
)
ANSWERS = counter(
    "hub_rpc_answers_total", "Answers by method, status code and the caller's role.", ["method", "code", "role"]
)
UNDER_WAY = gauge("hub_rpc_under_way", "Calls under way, streams included.")
UNFORESEEN = counter(
    "hub_unforeseen_errors_total",
    "Errors that nobody foresaw and that left as INTERNAL: each is a fault of the hub's own.",
)
SETTLED = gauge("hub_settled_objects", "Objects of the start, which the garbage collector leaves alone.")
READY = gauge("hub_ready", "1 while the service says SERVING: its database answers and its migrations are current.")
LOOP_LAG = histogram(
    "hub_event_loop_lag_seconds",
    "How much later than asked the event loop ran; measured every second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
BACKGROUND_FAILURES = counter(
    "hub_background_failures_total", "How often background work ended with an error and was started again.", ["work"]
)


def serve_metrics(address: str, port: int) -> None:
    """Serves /metrics on a thread of its own; port 0 is off. Raises OSError when the port is taken."""
    if port:
        start_http_server(port, addr=address)
        log.info("metrics at %s:%d/metrics", address, port)
