"""Channels: how they stand, pausing and resuming them, their secrets, and connecting an account through the browser."""

from __future__ import annotations

import sys
import webbrowser

import click
from usav.sync.v1 import channel_pb2, consent_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from hubctl.client import new_request_id
from hubctl.consent import Answer, Callback, ConsentFailed, read_answer
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time

_Platform = channel_pb2.Channel.Platform
_WITH_CONSENT = ("EBAY", "ZOHO", "AMAZON")
_API_URLS = {"EBAY": "https://api.ebay.com"}
_WAIT_S = 600.0
_CHANNEL: list[Column] = [
    ("id", lambda c: c.id),
    ("channel", lambda c: f"{_Platform.Name(c.platform)} {c.account}"),
    ("state", lambda c: channel_pb2.Channel.State.Name(c.state)),
    ("connection", lambda c: channel_pb2.Channel.Connection.Name(c.connection)),
    ("credentials", lambda c: ", ".join(c.credential_names)),
    ("silent until", lambda c: clock_time(c.blocked_until)),
    ("message", lambda c: c.blocked_message[:60]),
]


@click.group()
def channels() -> None:
    """Looks after the channels and their secrets (admin)."""


@channels.command("list")
@command
def list_channels(tool: Tool) -> None:
    """Every channel."""
    tool.output.rows(tool.hub.sync.ListChannels(pb.ListChannelsRequest(page_size=1000)).items, _CHANNEL)


@channels.command("test")
@click.argument("channel_id", type=click.IntRange(1))
@command
def test_channel(tool: Tool, channel_id: int) -> None:
    """Makes one call to the marketplace and says how it went."""
    columns: list[Column] = [
        ("ok", lambda x: "yes" if x.ok else "no"),
        ("account", lambda x: x.account_name),
        ("ms", lambda x: x.duration_ms),
        ("message", lambda x: x.message),
    ]
    tool.output.one(tool.hub.sync.TestChannel(pb.TestChannelRequest(id=channel_id)), columns)


@channels.command("pause")
@click.argument("channel_id", type=click.IntRange(1))
@command
def pause_channel(tool: Tool, channel_id: int) -> None:
    """Stops offering on a channel."""
    request = pb.PauseChannelRequest(id=channel_id, request_id=new_request_id())
    tool.output.one(tool.hub.sync.PauseChannel(request), _CHANNEL)


@channels.command("resume")
@click.argument("channel_id", type=click.IntRange(1))
@command
def resume_channel(tool: Tool, channel_id: int) -> None:
    """Offers on a channel again, or for the first time."""
    request = pb.ResumeChannelRequest(id=channel_id, request_id=new_request_id())
    tool.output.one(tool.hub.sync.ResumeChannel(request), _CHANNEL)


@channels.command("reseal")
@command
def reseal(tool: Tool) -> None:
    """Stores all secrets under the present HUB_CREDENTIAL_KEY, so that former keys can be taken away."""
    answer = tool.hub.sync.ResealCredentials(pb.ResealCredentialsRequest(request_id=new_request_id()))
    columns: list[Column] = [
        ("under the present key #", lambda x: x.resealed_count),
        ("unreadable channels", lambda x: ", ".join(map(str, x.unreadable_channel_ids))),
    ]
    tool.output.one(answer, columns)


@channels.command("connect")
@click.argument("platform", type=click.Choice(_WITH_CONSENT, case_sensitive=False))
@click.argument("account")
@click.option("--client-id", default="", help="The application's; not needed again for the next consent.")
@click.option("--client-secret-stdin", is_flag=True, help="Read the application's secret from standard input.")
@click.option("--ru-name", default="", help="eBay: the name eBay gave the application's redirect address.")
@click.option("--application-id", default="", help="Amazon: amzn1.sp.solution...")
@click.option("--organization-id", default="", help="Zoho: the organization.")
@click.option("--site", default="", help="The marketplace or data center of a new channel, e.g. EBAY_US or eu.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Where the browser comes back."
)
@click.option(
    "--redirect-uri",
    default="",
    help="Another address that is registered; then paste what the browser shows at the end.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@command
def connect(
    tool: Tool, platform: str, account: str, client_secret_stdin: bool, site: str, **given: str | int | bool
) -> None:
    """Lets the hub into an account through the browser, the first time or again. A new channel stays paused until `resume`."""
    keys = {
        name: str(given[name]) for name in ("client_id", "ru_name", "application_id", "organization_id") if given[name]
    }
    if client_secret_stdin:
        keys["client_secret"] = sys.stdin.readline().strip()
    elif "client_id" in keys:
        keys["client_secret"] = click.prompt("Client secret", hide_input=True, err=True)
    channel = _find_or_make(tool, platform.upper(), account.upper(), site)
    pasted = str(given["redirect_uri"])
    callback = None if pasted else Callback(int(given["port"]))
    redirect_uri = pasted if callback is None else callback.redirect_uri
    begin = consent_pb2.BeginConsentRequest(id=channel.id, redirect_uri=redirect_uri, credentials=keys)
    begun = tool.hub.sync.BeginConsent(begin)
    click.echo(f"Open this page and let the hub in:\n{begun.authorize_url}", err=True)
    if not given["no_browser"]:
        webbrowser.open(begun.authorize_url)
    answer = _answer(callback, begun.state)
    finish = consent_pb2.FinishConsentRequest(
        id=channel.id, state=begun.state, code=answer.code, answers=answer.more, credentials=keys
    )
    tool.output.one(tool.hub.sync.FinishConsent(finish), _CHANNEL)


def _find_or_make(tool: Tool, platform: str, account: str, site: str) -> channel_pb2.Channel:
    wanted = pb.ListChannelsRequest(platform=_Platform.Value(platform), page_size=1000)
    channel: channel_pb2.Channel
    for channel in tool.hub.sync.ListChannels(wanted).items:
        if channel.account == account:
            return channel
    new = channel_pb2.Channel(
        platform=_Platform.Value(platform), account=account, site=site, api_base_url=_API_URLS.get(platform, "")
    )
    channel = tool.hub.sync.CreateChannel(pb.CreateChannelRequest(channel=new, request_id=new_request_id()))
    return channel


def _answer(callback: Callback | None, state: str) -> Answer:
    try:
        if callback is not None:
            return callback.wait(state, _WAIT_S)
        return read_answer(click.prompt("The address the browser shows at the end", err=True), state)
    except ConsentFailed as failure:
        raise click.ClickException(str(failure)) from failure


COMMANDS = [channels]
