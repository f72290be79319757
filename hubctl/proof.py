"""What the ledger proves."""

from __future__ import annotations

import click
from usav.inventory.v1 import proof_pb2

from hubctl.context import Tool, command
from hubctl.output import Column

_FINDING: list[Column] = [
    ("unit", lambda found: found.item_id),
    ("row", lambda found: found.movement_id or ""),
    ("number", lambda found: found.sequence or ""),
    ("what", lambda found: found.what),
]
_SUMMARY: list[Column] = [
    ("units", lambda summary: summary.units),
    ("rows", lambda summary: summary.movements),
    ("findings", lambda summary: summary.findings),
]


@click.group()
def inventory() -> None:
    """Proves that stock and ledger are as they should be (admin)."""


@inventory.command()
@click.option("--unit", "item_id", type=int, default=0, help="Only the unit with this id.")
@command
def verify(tool: Tool, item_id: int) -> None:
    """Verifies the ledger's chains, and that units, holds and counts agree with it; ends with 1 when something is wrong."""
    findings, summary = [], proof_pb2.LedgerSummary()
    for step in tool.hub.inventory.VerifyLedger(proof_pb2.VerifyLedgerRequest(item_id=item_id), timeout=None):
        if step.HasField("finding"):
            findings.append(step.finding)
        elif step.HasField("summary"):
            summary = step.summary
    if findings:
        tool.output.rows(findings, _FINDING)
    tool.output.rows([summary], _SUMMARY)
    if findings:
        raise click.exceptions.Exit(1)


COMMANDS = [inventory]
