"""The users: made, bound to warehouses and channels, shut out and let in again."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from google.protobuf.field_mask_pb2 import FieldMask
from usav.auth.v1 import auth_service_pb2 as auth
from usav.auth.v1 import user_pb2

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time

ROLES = ("ADMIN", "WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT")
COLUMNS: list[Column] = [
    ("id", lambda u: u.id),
    ("username", lambda u: u.username),
    ("name", lambda u: u.full_name),
    ("role", lambda u: user_pb2.User.Role.Name(u.role)),
    ("bound to", lambda u: _bounds(u.scope)),
    ("active", lambda u: "yes" if u.is_active else "no"),
    ("last sign-in", lambda u: clock_time(u.last_sign_in_time)),
]
_WAREHOUSES = click.option("--warehouse", "warehouses", multiple=True, help="May be repeated.")
_CHANNELS = click.option("--channel", "channels", type=int, multiple=True, help="The id of a channel; may be repeated.")


def _bounds(scope: user_pb2.Scope) -> str:
    return ", ".join([*scope.warehouses, *(f"channel {key}" for key in scope.channel_ids)])


def _scope(warehouses: Sequence[str], channels: Sequence[int]) -> user_pb2.Scope | None:
    return user_pb2.Scope(warehouses=warehouses, channel_ids=channels) if warehouses or channels else None


def find_user(tool: Tool, username: str) -> user_pb2.User:
    """The user of that name, whatever its case, for admins. Raises ClickException."""
    request = auth.ListUsersRequest(username_prefix=username, page_size=1000)
    for user in tool.hub.auth.ListUsers(request).items:
        if user.username.lower() == username.lower():
            return user  # type: ignore[no-any-return]  # the stubs of grpc are untyped
    raise click.ClickException(f"There is no user {username}.")


@click.group()
def users() -> None:
    """Lists, creates and changes users (admin)."""


@users.command("list")
@command
def list_users(tool: Tool) -> None:
    """All users."""
    tool.output.rows(tool.hub.auth.ListUsers(auth.ListUsersRequest(page_size=1000)).items, COLUMNS)


@users.command("create")
@click.argument("username")
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), required=True)
@click.option("--full-name", default="")
@_WAREHOUSES
@_CHANNELS
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@command
def create_user(
    tool: Tool,
    username: str,
    role: str,
    full_name: str,
    warehouses: Sequence[str],
    channels: Sequence[int],
    password_stdin: bool,
) -> None:
    """Creates a user; asks for the password, or reads it from standard input."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else ask_password()
    new = user_pb2.NewUser(
        username=username,
        password=password,
        full_name=full_name,
        role=user_pb2.User.Role.Value(role.upper()),
        scope=_scope(warehouses, channels),
    )
    tool.output.one(tool.hub.auth.CreateUser(auth.CreateUserRequest(user=new, request_id=new_request_id())), COLUMNS)


@users.command()
@click.argument("username")
@_WAREHOUSES
@_CHANNELS
@command
def bind(tool: Tool, username: str, warehouses: Sequence[str], channels: Sequence[int]) -> None:
    """Binds a user to warehouses and channels, in place of those before; the user signs in again."""
    if not (warehouses or channels):
        raise click.UsageError("give --warehouse or --channel; `users unbind` binds to nothing")
    _change_scope(tool, username, _scope(warehouses, channels))


@users.command()
@click.argument("username")
@command
def unbind(tool: Tool, username: str) -> None:
    """Lets a user act on all that the role allows; the user signs in again."""
    _change_scope(tool, username, None)


def _change_scope(tool: Tool, username: str, scope: user_pb2.Scope | None) -> None:
    found = find_user(tool, username)
    request = auth.UpdateUserRequest(
        user=user_pb2.User(id=found.id, etag=found.etag, scope=scope),
        update_mask=FieldMask(paths=["scope"]),
        request_id=new_request_id(),
    )
    tool.output.one(tool.hub.auth.UpdateUser(request), COLUMNS)


@users.command()
@click.argument("username")
@command
def deactivate(tool: Tool, username: str) -> None:
    """Shuts a user out, everywhere within moments."""
    request = auth.DeactivateUserRequest(id=find_user(tool, username).id, request_id=new_request_id())
    tool.output.one(tool.hub.auth.DeactivateUser(request), COLUMNS)


@users.command()
@click.argument("username")
@command
def activate(tool: Tool, username: str) -> None:
    """Lets a user sign in again."""
    request = auth.ActivateUserRequest(id=find_user(tool, username).id, request_id=new_request_id())
    tool.output.one(tool.hub.auth.ActivateUser(request), COLUMNS)


def ask_password() -> str:
    """What a person types without its being shown."""
    return str(click.prompt("Password", hide_input=True))


COMMANDS = [users]
