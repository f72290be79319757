"""Signing in and out."""

from __future__ import annotations

import sys

import click
import grpc
from usav.auth.v1 import auth_service_pb2

from hubctl.client import HubNotThere
from hubctl.context import Tool, command
from hubctl.session import forget_session, local_hub, state_dir
from hubctl.users import COLUMNS, ask_password


@click.command("sign-in")
@click.argument("username", required=False)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--local", is_flag=True, help="As the admin of the hub that `make run` started from this folder.")
@command
def sign_in(tool: Tool, username: str | None, password_stdin: bool, local: bool) -> None:
    """Signs in and keeps the session in a file that only you can read."""
    if local:
        username, password = local_admin()
        tool.url = tool.url or local_url()
    else:
        username = username or click.prompt("Username")
        password = sys.stdin.readline().rstrip("\n") if password_stdin else ask_password()
    try:
        tool.hub.sign_in(username, password)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            raise
        raise click.ClickException(_refused(error.details(), local)) from None
    tool.output.say(f"Signed in to {tool.hub.url} as {username}.")


def _refused(details: str, local: bool) -> str:
    changed = "\nThe password of the first start is not valid any more; sign in by name: `hubctl sign-in USERNAME`."
    return details + (changed if local else "")


def local_admin() -> tuple[str, str]:
    """Name and password of the local hub's admin. Raises HubNotThere when no hub was ever started on the state folder."""
    try:
        password = (state_dir() / "admin-password").read_text(encoding="utf-8").strip()
    except OSError:
        told = f"{state_dir()}/admin-password cannot be read"
        raise HubNotThere(f"no hub was started here yet ({told}); start one with `make run`") from None
    return str(local_hub().get("admin_user") or "admin"), password


def local_url() -> str:
    """Where the hub of the state folder is. Raises HubNotThere when it does not run."""
    url = str(local_hub().get("gateway_url") or "")
    if not url:
        raise HubNotThere(f"no hub runs on {state_dir()}; start one with `make run`")
    return url


@click.command("sign-out")
@command
def sign_out(tool: Tool) -> None:
    """Forgets the kept session."""
    forget_session()
    tool.output.say("Signed out.")


@click.command()
@command
def whoami(tool: Tool) -> None:
    """Shows who is signed in."""
    tool.output.one(tool.hub.auth.GetMe(auth_service_pb2.GetMeRequest()), COLUMNS)


COMMANDS = [sign_in, sign_out, whoami]
