"""The command: finds or starts the hub, tells the story, and says plainly what did not come about."""

from __future__ import annotations

from pathlib import Path

import click

from hubctl.auth import local_admin
from hubctl.client import Hub, readable_errors
from hubctl.context import Tool, command
from hubctl.demo.failure import DemoFailed
from hubctl.demo.local_hub import LocalHub, local_hub
from hubctl.demo.story import Story
from hubctl.session import ROOT, Session
from hubctl.transfer import INTERRUPTED

SAMPLE = ROOT / "hubctl" / "data" / "sample_catalog.csv"


@click.command()
@click.argument("csv", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=SAMPLE)
@click.option("--timeout", "seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="Per step.")
@command
def demo(tool: Tool, csv: Path, seconds: float) -> None:
    """Shows the main job on the hub of this folder, starting one if none runs: imports the catalogue CSV (default: a small one
    of our own), receives units, sells the last one of a SKU on one eBay account, and watches all other channels drop to zero.

    It may be run any number of times.
    """
    try:
        with local_hub(tool.output.say) as running:
            if not running.sandbox_url:
                raise DemoFailed("this hub runs without the marketplace sandbox; the demo sells there and nowhere else")
            hub = _signed_in(running)
            with readable_errors(lambda: hub.url):
                Story(hub, running.sandbox_url, tool.output, seconds).tell(csv)
    except KeyboardInterrupt:
        tool.output.errors.print("\nStopped.")
        raise SystemExit(INTERRUPTED) from None


def _signed_in(running: LocalHub) -> Hub:
    """As the local admin, without touching the session of the person at the terminal."""
    hub = Hub(running.gateway_url, Session(), keep=False)
    username, password = local_admin()
    with readable_errors(lambda: hub.url):
        hub.sign_in(username, password)
    return hub
