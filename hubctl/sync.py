"""Channels, listings, drift, and how far the spokes are."""

from __future__ import annotations

import time

import click
from usav.sync.v1 import channel_pb2, drift_pb2, listing_pb2, unmatched_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time, money

_PLATFORM = channel_pb2.Channel.Platform.Name
_PLATFORMS = ("ZOHO", "AMAZON", "EBAY", "ECWID")
_STATUSES = ("PENDING", "SYNCED", "DIRTY", "ERROR")
_LISTING: list[Column] = [
    ("id", lambda x: x.id),
    ("channel", lambda x: f"{_PLATFORM(x.platform)} {x.account}"),
    ("platform SKU", lambda x: x.platform_sku),
    ("SKU", lambda x: x.sku),
    ("status", lambda x: listing_pb2.Listing.Status.Name(x.status)),
    ("shown units", lambda x: x.pushed_quantity if x.HasField("pushed_quantity") else None),
    ("price $", lambda x: money(x.pushed_price)),
    ("message", lambda x: x.error.message[:60]),
]
_CHANNEL_STATUS: list[Column] = [
    ("id", lambda c: c.channel_id),
    ("channel", lambda c: f"{_PLATFORM(c.platform)} {c.account}"),
    ("state", lambda c: _state(c)),
    ("listings #", lambda c: c.listing_count),
    ("pending #", lambda c: c.pending_count + c.dirty_count),
    ("errors #", lambda c: c.error_count),
    ("orders to resolve #", lambda c: c.attention_count),
    ("oldest pending", lambda c: clock_time(c.oldest_pending_time)),
    ("last order", lambda c: clock_time(c.last_order_time)),
    ("warnings", lambda c: " ".join(c.warnings)),
]
_IMPORT: list[Column] = [
    ("found #", lambda x: x.found_count),
    ("known before #", lambda x: x.known_count),
    ("matched #", lambda x: x.matched_count),
    ("unmatched #", lambda x: x.unmatched_count),
    ("finished", lambda x: clock_time(x.finish_time)),
    ("message", lambda x: x.message),
]
_UNMATCHED: list[Column] = [
    ("id", lambda x: x.id),
    ("channel", lambda x: f"{_PLATFORM(x.platform)} {x.account}"),
    ("platform SKU", lambda x: x.platform_sku),
    ("units", lambda x: x.quantity if x.HasField("quantity") else None),
    ("price $", lambda x: money(x.price)),
    ("title", lambda x: x.title[:60]),
    ("dismissed", lambda x: "yes" if x.dismissed else ""),
]
_LOOK_S = 0.5
_DRIFT: list[Column] = [
    ("channel", lambda d: f"{_PLATFORM(d.platform)} {d.account}"),
    ("platform SKU", lambda d: d.platform_sku),
    ("SKU", lambda d: d.sku),
    ("differs", lambda d: ", ".join(map(drift_pb2.Drift.Aspect.Name, d.differs))),
    ("hub units", lambda d: d.hub_quantity),
    ("live units", lambda d: d.live_quantity if d.HasField("live_quantity") else None),
    ("hub price $", lambda d: money(d.hub_price)),
    ("live price $", lambda d: money(d.live_price)),
    ("units at risk", lambda d: d.units_at_risk),
    ("state", lambda d: drift_pb2.Drift.State.Name(d.state)),
]


def _state(channel: channel_pb2.ChannelStatus) -> str:
    """What a person decided, and what stands in the way."""
    connection = channel_pb2.Channel.Connection.Name(channel.connection)
    state = channel_pb2.Channel.State.Name(channel.state)
    return state if connection == "CONNECTED" else f"{state}, {connection}"


@click.command()
@command
def status(tool: Tool) -> None:
    """Shows each channel: what waits, what failed, when it last heard from the marketplace."""
    tool.output.rows(tool.hub.sync.GetSyncStatus(pb.GetSyncStatusRequest()).channels, _CHANNEL_STATUS)


@click.group()
def listings() -> None:
    """Lists listings, and tries failed ones again."""


@listings.command("list")
@click.option("--platform", type=click.Choice(_PLATFORMS, case_sensitive=False))
@click.option("--channel", default="", help="The account, e.g. MEKONG, or the channel's id.")
@click.option("--status", "state", type=click.Choice(_STATUSES, case_sensitive=False))
@click.option("--sku", default="", help="Our SKU, or the channel's own.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@command
def list_listings(tool: Tool, platform: str | None, channel: str, state: str | None, sku: str, limit: int) -> None:
    """Listings, newest state."""
    request = pb.ListListingsRequest(page_size=limit, channel=channel, sku=sku)
    if platform:
        request.platform = channel_pb2.Channel.Platform.Value(platform.upper())
    if state:
        request.status = listing_pb2.Listing.Status.Value(state.upper())
    answer = tool.hub.sync.ListListings(request)
    tool.output.rows(answer.items, _LISTING, title=f"{len(answer.items)} of {answer.total_size} listings")


@listings.command("retry")
@click.argument("listing_id", type=click.IntRange(1))
@command
def retry_listing(tool: Tool, listing_id: int) -> None:
    """Tries a listing again now, whatever its error was."""
    request = pb.RetryListingRequest(id=listing_id, request_id=new_request_id())
    tool.output.one(tool.hub.sync.RetryListing(request), _LISTING)


@listings.command("import")
@click.argument("channel_id", type=click.IntRange(1))
@click.option("--no-wait", is_flag=True, help="Only begin it.")
@command
def import_listings(tool: Tool, channel_id: int, no_wait: bool) -> None:
    """Makes the live listings of a channel listings of the hub, by SKU (admin)."""
    request = unmatched_pb2.ImportListingsRequest(id=channel_id, request_id=new_request_id())
    state = tool.hub.sync.ImportListings(request)
    said = ""
    while not no_wait and not state.HasField("finish_time"):
        if state.message != said:
            said = state.message
            click.echo(f"waiting: {said}", err=True)
        time.sleep(_LOOK_S)
        state = tool.hub.sync.GetListingImport(unmatched_pb2.GetListingImportRequest(id=channel_id))
    tool.output.one(state, _IMPORT)


@listings.command("unmatched")
@click.option("--channel", default="", help="The account, e.g. MEKONG, or the channel's id.")
@click.option("--all", "show_dismissed", is_flag=True, help="Dismissed ones too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@command
def list_unmatched(tool: Tool, channel: str, show_dismissed: bool, limit: int) -> None:
    """Live listings that stand for no variant yet."""
    request = unmatched_pb2.ListUnmatchedListingsRequest(
        channel=channel, show_dismissed=show_dismissed, page_size=limit
    )
    answer = tool.hub.sync.ListUnmatchedListings(request)
    tool.output.rows(answer.items, _UNMATCHED, title=f"{len(answer.items)} of {answer.total_size} unmatched listings")


@listings.command("match")
@click.argument("unmatched_id", type=click.IntRange(1))
@click.argument("sku")
@command
def match_listing(tool: Tool, unmatched_id: int, sku: str) -> None:
    """Says which of our SKUs an unmatched listing is."""
    request = unmatched_pb2.MatchListingRequest(id=unmatched_id, sku=sku, request_id=new_request_id())
    tool.output.one(tool.hub.sync.MatchListing(request), _LISTING)


@listings.command("dismiss")
@click.argument("unmatched_id", type=click.IntRange(1))
@click.option("--undo", is_flag=True, help="Takes the dismissal back.")
@command
def dismiss_unmatched(tool: Tool, unmatched_id: int, undo: bool) -> None:
    """Says that an unmatched listing is none of the hub's."""
    request = unmatched_pb2.DismissUnmatchedListingRequest(id=unmatched_id, undo=undo, request_id=new_request_id())
    tool.output.one(tool.hub.sync.DismissUnmatchedListing(request), _UNMATCHED)


@click.group()
def drift() -> None:
    """Where a marketplace does not show what the hub wants it to show."""


@drift.command("list")
@click.option("--channel", default="", help="The account, e.g. MEKONG, or the channel's id.")
@click.option("--all", "show_mended", is_flag=True, help="Mended ones too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@command
def list_drift(tool: Tool, channel: str, show_mended: bool, limit: int) -> None:
    """Differences, newest first, with the units and the money at risk."""
    request = drift_pb2.ListDriftRequest(channel=channel, show_mended=show_mended, page_size=limit)
    answer = tool.hub.sync.ListDrift(request)
    risk = ", ".join(f"{amount.currency_code} {money(amount)}" for amount in answer.money_at_risk)
    title = f"{len(answer.items)} of {answer.total_size} differences, {answer.units_at_risk} units at risk"
    tool.output.rows(answer.items, _DRIFT, title=f"{title} ({risk})" if risk else title)


@drift.command("reconcile")
@click.option("--channel", default="", help="Only this account or channel id.")
@command
def reconcile(tool: Tool, channel: str) -> None:
    """Begins to compare every live listing with the hub."""
    request = drift_pb2.ReconcileRequest(channel=channel, request_id=new_request_id())
    tool.output.one(tool.hub.sync.Reconcile(request), [("channels", lambda x: ", ".join(map(str, x.channel_ids)))])


COMMANDS = [status, listings, drift]
