"""docs/metrics.md: every metric that a process of the hub can show, from the declarations in the code."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from build_tools.layout import ROOT, SERVICE_PACKAGES
from chassis.metrics import DECLARED, Declared

_PACKAGES = ("chassis", *SERVICE_PACKAGES, "deploy")
_TITLES = {"chassis": "Every service", "deploy": "The scheduler of backups"}
_OPENING = """# Metrics

Written by `make reference` from the declarations in the code; do not edit. Each process of the hub serves its own at
`/metrics` on `HUB_METRICS_PORT`, for Prometheus; the gateway serves Envoy's on `HUB_GATEWAY_METRICS_PORT`. Under
`make run` all of them listen on free loopback ports: `hub.json` in the state folder has the addresses, and
`scrape.json` beside it is a list of targets as Prometheus reads it (`file_sd_configs`).

Labels take their values from closed sets: the methods of the protos, the roles, the channels, the outcomes. Nothing
that a caller chooses becomes a label. Gauges that are read from the database are the same on every replica of a
service: use `max` or `min`, not `sum`. They are read every `HUB_GAUGE_SECONDS`; one that cannot be read is absent,
never old.

The numbers hold no secrets, and nobody is asked for a password: keep these ports inside your own network.

[Alert rules](../deploy/observability/alerts.yaml) with a [runbook](runbooks) each, and
[dashboards](../deploy/observability/grafana) for Grafana stand on these. The libraries add `process_*` (memory, CPU
time, open files) and `python_*`.
"""


def declared() -> list[Declared]:
    """The metrics of all processes, in the order of package and name."""
    for module in sorted(_modules()):
        import_module(module)
    found = [one for one in DECLARED if one.module.split(".")[0] in _PACKAGES]
    return sorted(found, key=lambda one: (one.module.split(".")[0] != "chassis", one.module.split(".")[0], one.name))


def series_of(one: Declared) -> set[str]:
    """The names under which Prometheus keeps it."""
    return {f"{one.name}{end}" for end in ("_bucket", "_count", "_sum")} if one.kind == "histogram" else {one.name}


def page() -> str:
    """The whole text."""
    groups: dict[str, list[Declared]] = {}
    for one in declared():
        groups.setdefault(one.module.split(".")[0], []).append(one)
    parts = [_OPENING]
    for package, metrics in groups.items():
        title = _TITLES.get(package, package)
        rows = "".join(
            f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |\n"
            for one in metrics
        )
        parts.append(f"\n## {title}\n\n| Metric | Kind | Labels | |\n|---|---|---|---|\n{rows}")
    return "".join(parts)


def _modules() -> Iterator[str]:
    """The modules that declare any, without importing all the others."""
    for package in _PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "chassis.metrics import" in path.read_text():
                yield _name_of(path)


def _name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)
