"""What is written from the code says what the code says, and what stands on metrics stands on metrics that exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from build_tools.layout import ROOT
from build_tools.reference import dashboards
from build_tools.reference.__main__ import texts
from build_tools.reference.metrics import declared, series_of
from hubctl.app import hubctl
from tests.factories.prometheus.promql import labels_of, metrics_of

RUNBOOKS = ROOT / "docs" / "runbooks"
# What the libraries and Envoy show; the test of the alerts meets the latter on a real gateway.
OTHERS = {
    "up": {"job", "instance"},
    "process_resident_memory_bytes": set[str](),
    "process_cpu_seconds_total": set[str](),
    "envoy_cluster_membership_healthy": {"envoy_cluster_name"},
    "envoy_cluster_upstream_rq_retry": {"envoy_cluster_name"},
    "envoy_cluster_upstream_rq_time_bucket": {"envoy_cluster_name"},
    "envoy_http_downstream_rq_xx": {"envoy_http_conn_manager_prefix", "envoy_response_code_class"},
    "envoy_server_days_until_first_cert_expiring": set[str](),
}


def rules() -> dict[str, dict[str, object]]:
    groups = yaml.safe_load((ROOT / "deploy/observability/alerts.yaml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.name)
def test_written_pages_are_current(path: Path) -> None:
    assert path.read_text() == texts()[path], "it is out of date: run `make reference`"


QUERIES = [query for panel in dashboards.panels() for query in panel.queries]
EXPRESSIONS = [str(rule["expr"]) for rule in rules().values()]


@pytest.mark.parametrize("query", [*QUERIES, *EXPRESSIONS])
def test_queries_stand_on_metrics_that_exist(query: str) -> None:
    known = {name: set(one.labels) for one in declared() for name in series_of(one)} | OTHERS
    assert metrics_of(query) <= known.keys()
    for name, labels in labels_of(query).items():
        assert labels <= known[name], name


def test_every_metric_is_shown_somewhere() -> None:
    read = {name for query in [*QUERIES, *EXPRESSIONS] for name in metrics_of(query)}
    unread = {one.name for one in declared() if not series_of(one) & read}
    # Asked for by hand, in a runbook or when something is odd.
    assert unread == {
        *("hub_stream_seconds", "hub_outbox_oldest_seconds", "hub_settled_objects"),
        *("hub_backup_last_bytes", "hub_backup_last_duration_seconds"),
    }


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    for name, rule in rules().items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"  # type: ignore[index]  # a mapping
        assert rule["labels"]["severity"] in {"page", "ticket"}  # type: ignore[index]  # a mapping
    assert {path.stem for path in RUNBOOKS.glob("Hub*.md")} == rules().keys()


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("Hub*.md")), ids=lambda path: path.stem)
def test_runbooks_name_what_there_is(path: Path) -> None:
    text = path.read_text()
    for heading in ("**What it says.**", "**What it harms.**", "## Look", "## Do"):
        assert heading in text
    assert set(re.findall(r"\bHub[A-Z]\w+", text)) <= rules().keys()
    known = {one.name for one in declared()} | {name for one in declared() for name in series_of(one)}
    assert set(re.findall(r"\bhub_[a-z_]+\b(?!`<)", text)) - {"hub_"} <= known
    for line in re.findall(r"`hubctl ([^`]*)`", text):
        assert_command(line.split())


def assert_command(words: list[str], *, whole: bool = True) -> None:
    """Every word up to the first option or argument is a command of hubctl's; a group alone is one only where not `whole`."""
    command: click.Command = hubctl
    context = click.Context(hubctl)
    for word in words:
        if word.startswith("-"):
            continue
        if not isinstance(command, click.Group):
            return
        found = command.get_command(context, word)
        assert found is not None, words
        command = found
    assert not whole or not isinstance(command, click.Group), words
