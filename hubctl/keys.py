"""The keys that sign access tokens."""

from __future__ import annotations

import click
from usav.auth.v1 import auth_service_pb2

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time

_COLUMNS: list[Column] = [
    ("kid", lambda k: k.kid),
    ("made", lambda k: clock_time(k.create_time)),
    ("signs from", lambda k: clock_time(k.sign_time)),
]


@click.group()
def keys() -> None:
    """Changes the keys that sign access tokens (admin)."""


@keys.command()
@click.option("--at-once", is_flag=True, help="Withdraw the present keys now, with every access token they signed.")
@command
def rotate(tool: Tool, at_once: bool) -> None:
    """Lets another key take over: after ten minutes and without a failed call, or at once when one may have been stolen."""
    request = auth_service_pb2.RotateKeysRequest(at_once=at_once, request_id=new_request_id())
    tool.output.one(tool.hub.auth.RotateKeys(request), _COLUMNS)


COMMANDS = [keys]
