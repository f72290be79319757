"""The audit trails: of sign-ins, users, roles, keys and accounts, and of the channels."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from usav.auth.v1 import auth_service_pb2 as auth
from usav.auth.v1 import event_pb2
from usav.sync.v1 import channel_event_pb2

from hubctl.context import Tool, command
from hubctl.output import Column, clock_time

_KINDS = [kind.name for kind in event_pb2.Event.Kind.DESCRIPTOR.values if kind.number]
_PAGE = 1000
_COLUMNS: list[Column] = [
    ("when", lambda e: clock_time(e.event_time)),
    ("what", lambda e: event_pb2.Event.Kind.Name(e.kind)),
    ("who", lambda e: e.actor_name or e.actor_id),
    ("to", lambda e: e.subject_name or e.subject_id),
    ("from", lambda e: e.address),
    ("before", lambda e: _values(e.before)),
    ("after", lambda e: _values(e.after)),
]
_OF_CHANNELS: list[Column] = [
    ("when", lambda e: clock_time(e.event_time)),
    ("what", lambda e: channel_event_pb2.ChannelEvent.Kind.Name(e.kind)),
    ("who", lambda e: e.actor_name or e.actor_id),
    ("channel", lambda e: f"{e.channel_name} ({e.channel_id})"),
    ("from", lambda e: e.address),
    ("before", lambda e: _values(e.before)),
    ("after", lambda e: _values(e.after)),
]


def _values(struct: Any) -> str:
    found = MessageToDict(struct)
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in found.items())


@click.command()
@click.option("--kind", "kinds", type=click.Choice(_KINDS, case_sensitive=False), multiple=True, metavar="KIND")
@click.option("--subject", default="", help="About this user's id, client:NAME, or key.")
@click.option("--actor", default="", help="What this user's id or client:NAME did.")
@click.option("--address", default="", help="Only from this address.")
@click.option("--since", type=click.DateTime(), help="Only from this time (UTC) on.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@command
def events(
    tool: Tool, kinds: tuple[str, ...], subject: str, actor: str, address: str, since: datetime | None, limit: int
) -> None:
    """Shows who signed in, failed to, or changed what of whom, newest first (admin)."""
    request = auth.ListEventsRequest(
        page_size=min(limit, _PAGE),
        kinds=[event_pb2.Event.Kind.Value(kind.upper()) for kind in kinds],
        subject_id=subject,
        actor_id=actor,
        address=address,
    )
    if since is not None:
        start = Timestamp()
        start.FromDatetime(since.replace(tzinfo=UTC))
        request.from_time.CopyFrom(start)
    tool.output.rows(itertools.islice(_pages(tool.hub.auth.ListEvents, request), limit), _COLUMNS)


@click.command("channel-events")
@click.option("--channel", "channel_id", type=int, default=0, help="Only of the channel with this id.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@command
def channel_events(tool: Tool, channel_id: int, limit: int) -> None:
    """Shows who changed what of the channels and their credentials, newest first; never a secret (admin)."""
    request = channel_event_pb2.ListChannelEventsRequest(channel_id=channel_id, page_size=min(limit, _PAGE))
    found = _pages(tool.hub.sync.ListChannelEvents, request)
    tool.output.rows(itertools.islice(found, limit), _OF_CHANNELS)


def _pages(list_page: Callable[[Any], Any], request: Any) -> Iterator[Any]:
    while True:
        page = list_page(request)
        yield from page.items
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


COMMANDS = [events, channel_events]
