"""The access token of the kept session, for other tools."""

from __future__ import annotations

import click

from hubctl.context import Tool, command


@click.command()
@command
def token(tool: Tool) -> None:
    """Prints an access token that is good for another minute at least, as for curl and grpcurl."""
    print(tool.hub.access_token())


COMMANDS = [token]
