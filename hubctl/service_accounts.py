"""The programs that sign in: made, given another secret, deleted. A secret is shown once."""

from __future__ import annotations

import click
from google.protobuf.duration_pb2 import Duration
from usav.auth.v1 import auth_service_pb2 as auth
from usav.auth.v1 import service_account_pb2, user_pb2

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time
from hubctl.users import ROLES

_COLUMNS: list[Column] = [
    ("id", lambda a: a.id),
    ("client id", lambda a: a.client_id),
    ("role", lambda a: user_pb2.User.Role.Name(a.role)),
    ("made", lambda a: clock_time(a.create_time)),
    ("last used", lambda a: clock_time(a.last_use_time)),
    ("secrets #", lambda a: len(a.secrets)),
    ("from settings", lambda a: "yes" if any(secret.is_from_settings for secret in a.secrets) else "no"),
]
_WITH_SECRET: list[Column] = [*_COLUMNS, ("secret", lambda a: a.secret)]
_SHOWN_ONCE = "Keep the secret now: the hub does not show it again."


def _find(tool: Tool, client_id: str) -> service_account_pb2.ServiceAccount:
    request = auth.ListServiceAccountsRequest(page_size=1000)
    while True:
        page = tool.hub.auth.ListServiceAccounts(request)
        for account in page.items:
            if account.client_id.lower() == client_id.lower():
                return account  # type: ignore[no-any-return]  # the stubs of grpc are untyped
        if not page.next_page_token:
            raise click.ClickException(f"There is no service account {client_id}.")
        request.page_token = page.next_page_token


@click.group("service-accounts")
def service_accounts() -> None:
    """Lists, creates, rotates and deletes service accounts (admin)."""


@service_accounts.command("list")
@command
def list_accounts(tool: Tool) -> None:
    """All service accounts, and when each was last used."""
    found = tool.hub.auth.ListServiceAccounts(auth.ListServiceAccountsRequest(page_size=1000))
    tool.output.rows(found.items, _COLUMNS)


@service_accounts.command()
@click.argument("client_id")
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), default="SYSTEM_BOT", show_default=True)
@command
def create(tool: Tool, client_id: str, role: str) -> None:
    """Creates a service account and shows its secret, once."""
    new = service_account_pb2.NewServiceAccount(client_id=client_id, role=user_pb2.User.Role.Value(role.upper()))
    request = auth.CreateServiceAccountRequest(service_account=new, request_id=new_request_id())
    tool.output.one(tool.hub.auth.CreateServiceAccount(request), _WITH_SECRET)
    tool.output.say(_SHOWN_ONCE)


@service_accounts.command()
@click.argument("client_id")
@click.option("--keep-hours", type=click.FloatRange(0, 90 * 24), help="How long the former secrets go on. Default: 24.")
@command
def rotate(tool: Tool, client_id: str, keep_hours: float | None) -> None:
    """Gives a service account another secret and shows it, once. --keep-hours 0 ends the former ones now."""
    keep = None if keep_hours is None else Duration(seconds=round(keep_hours * 3600))
    request = auth.RotateServiceAccountSecretRequest(
        id=_find(tool, client_id).id, keep_former_for=keep, request_id=new_request_id()
    )
    tool.output.one(tool.hub.auth.RotateServiceAccountSecret(request), _WITH_SECRET)
    tool.output.say(_SHOWN_ONCE)


@service_accounts.command()
@click.argument("client_id")
@command
def delete(tool: Tool, client_id: str) -> None:
    """Deletes a service account and ends its access tokens; what it did stays in the records."""
    request = auth.DeleteServiceAccountRequest(id=_find(tool, client_id).id, request_id=new_request_id())
    tool.hub.auth.DeleteServiceAccount(request)
    tool.output.say(f"{client_id} is deleted.")


COMMANDS = [service_accounts]
