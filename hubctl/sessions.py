"""Sign-ins that last: one's own, and for admins anybody's."""

from __future__ import annotations

import click
from usav.auth.v1 import auth_service_pb2 as auth

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time
from hubctl.users import find_user

_COLUMNS: list[Column] = [
    ("id", lambda s: s.id),
    ("from", lambda s: s.address),
    ("since", lambda s: clock_time(s.create_time)),
    ("last used", lambda s: clock_time(s.last_use_time)),
    ("ends", lambda s: clock_time(s.expire_time)),
    ("", lambda s: "this one" if s.is_current else " "),
]
_OF = click.option("--user", "username", help="Whose, for admins; your own without it.")


@click.group()
def sessions() -> None:
    """Lists and ends sign-ins that last."""


@sessions.command("list")
@_OF
@command
def list_sessions(tool: Tool, username: str | None) -> None:
    """The sessions that have not ended, newest first."""
    if username is None:
        mine = auth.ListMySessionsRequest(page_size=1000)
        tool.output.rows(tool.hub.auth.ListMySessions(mine).items, _COLUMNS)
        return
    theirs = auth.ListUserSessionsRequest(user_id=find_user(tool, username).id, page_size=1000)
    tool.output.rows(tool.hub.auth.ListUserSessions(theirs).items, _COLUMNS)


@sessions.command()
@click.argument("session", required=False)
@click.option("--all", "every", is_flag=True, help="All sessions of the user.")
@_OF
@command
def end(tool: Tool, session: str | None, every: bool, username: str | None) -> None:
    """Ends a session, or all of a user; their access tokens stop working everywhere within moments."""
    if every == bool(session):
        raise click.UsageError("name a session, or give --all with --user")
    if every and username is None:
        raise click.UsageError("--all goes with --user")
    if username is None:
        tool.hub.auth.EndMySession(auth.EndMySessionRequest(id=session or "", request_id=new_request_id()))
        tool.output.say("Ended.")
        return
    user_id = find_user(tool, username).id
    if every:
        tool.hub.auth.EndUserSessions(auth.EndUserSessionsRequest(user_id=user_id, request_id=new_request_id()))
    else:
        request = auth.EndUserSessionRequest(user_id=user_id, id=session or "", request_id=new_request_id())
        tool.hub.auth.EndUserSession(request)
    tool.output.say("Ended.")


COMMANDS = [sessions]
