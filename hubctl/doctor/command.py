"""The command: gathers the checks that can be made from here, prints what they find, and ends with what the worst calls for."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from chassis.settings import read_dotenv
from deploy.local.own_database import place_of
from deploy.local.secrets import load_secrets
from deploy.local.state import StateFolder
from hubctl.context import Tool, command
from hubctl.doctor.api import ApiChecks
from hubctl.doctor.database import DatabaseChecks
from hubctl.doctor.finding import FAIL, OK, SKIPPED, WARN, WORST_FIRST, Check, Finding, run
from hubctl.doctor.machine import MachineChecks
from hubctl.doctor.numbers import NumberChecks
from hubctl.session import ROOT, state_dir

_STYLE = {OK: "green", WARN: "yellow", FAIL: "bold red", SKIPPED: "dim"}


@click.command()
@click.option(
    "--metrics", "targets", multiple=True, metavar="URL", help="Where a service tells its metrics; repeatable."
)
@click.option("--database", "database_url", default="", metavar="URL", help="An administrator of the database.")
@click.option(
    "--sample", type=click.IntRange(0, 1000), default=20, show_default=True, help="Units whose ledger is proven."
)
@click.option("--all", "show_all", is_flag=True, help="What is well, too.")
@command
def doctor(tool: Tool, targets: tuple[str, ...], database_url: str, sample: int, show_all: bool) -> None:
    """Looks at everything an operator would look at and says what to do (admin).

    Through the gateway it sees health, clock, certificate, channels, quotas, orders, drift and a sample of the ledger; on the
    machine of a hub, or with --metrics and --database, also what the processes tell of themselves, the database and its
    migrations, disk, files, certificates and the gateway's configuration. Ends with 1 when something fails, else with 0.
    """
    findings = list(run(_checks(tool, targets, database_url, sample)))
    if tool.output.as_json:
        for finding in findings:
            tool.output.json_line(asdict(finding))
    else:
        _print(tool, findings, show_all=show_all)
    if any(finding.state == FAIL for finding in findings):
        raise click.exceptions.Exit(1)


def _checks(tool: Tool, targets: tuple[str, ...], database_url: str, sample: int) -> list[tuple[str, Check]]:
    state = StateFolder(state_dir())
    environ = {**read_dotenv(ROOT / ".env"), **os.environ}
    summary = state.read_summary() if state.path.is_dir() else None
    is_ours = summary is not None and summary.gateway_url == tool.address()
    metrics = {f"service {number}": url for number, url in enumerate(targets, 1)}
    if summary is not None and is_ours:
        metrics |= summary.metrics
        database_url = database_url or environ.get("DATABASE_URL", "")
        if not database_url and summary.postgres_port:
            database_url = place_of(state, summary.postgres_port, load_secrets(state.secrets, environ)).url()
    machine = MachineChecks(state if is_ours else StateFolder(state.path / "none"), environ)
    return [
        *ApiChecks(tool.hub, sample=sample).all(),
        *NumberChecks(metrics).all(),
        *DatabaseChecks(database_url).all(),
        *machine.all(),
    ]


def _print(tool: Tool, findings: list[Finding], *, show_all: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "check", "seen", "to do"):
        table.add_column(name)
    for finding in sorted(findings, key=lambda one: WORST_FIRST.index(one.state)):
        if show_all or finding.state != OK:
            state = f"[{_STYLE[finding.state]}]{finding.state}[/]"
            table.add_row(state, escape(finding.check), escape(finding.seen), escape(finding.todo))
    if table.row_count:
        tool.output.console.print(table)
    counts = Counter(finding.state for finding in findings)
    tool.output.say(", ".join(f"{counts[state]} {state}" for state in (FAIL, WARN, SKIPPED, OK)))


COMMANDS = [doctor]
