"""The command tree. Each noun's commands live in a module of their own."""

from __future__ import annotations

import click

from hubctl import (
    allocations,
    auth,
    backup,
    buyers,
    catalog,
    channels,
    counts,
    demo,
    doctor,
    events,
    inventory,
    keys,
    locations,
    orders,
    proof,
    returns,
    service_accounts,
    sessions,
    sync,
    token,
    transfer,
    transfers,
    users,
    value,
    watch,
)
from hubctl.context import Tool
from hubctl.output import Output


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--url",
    help="The gateway's address; HUB_URL does the same. Default: where you signed in, else the hub of this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON for scripts, an object per line, instead of tables.")
@click.pass_context
def hubctl(context: click.Context, url: str | None, as_json: bool) -> None:
    """Works with a USAV Inventory Hub: catalogue, stock, channels, users."""
    context.obj = Tool(url=url, output=Output(as_json))


for module in (
    auth,
    buyers,
    sessions,
    users,
    service_accounts,
    keys,
    events,
    catalog,
    channels,
    transfer,
    inventory,
    value,
    allocations,
    proof,
    returns,
    locations,
    transfers,
    counts,
    sync,
    token,
    orders,
    watch,
    backup,
    doctor,
    demo,
):
    for item in module.COMMANDS:
        hubctl.add_command(item)
