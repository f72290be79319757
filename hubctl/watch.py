"""Follows the hub live: stock, catalogue, or what goes out to the channels. A cut connection is taken up where it broke."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import click
import grpc
from rich.markup import escape
from usav.catalog.v1 import watch_pb2 as catalog_pb
from usav.inventory.v1 import inventory_service_pb2 as inventory_pb
from usav.inventory.v1 import item_pb2
from usav.sync.v1 import listing_pb2, order_pb2
from usav.sync.v1 import sync_service_pb2 as sync_pb

from hubctl.context import Tool, command
from hubctl.output import money, styled

_RECONNECT_SECONDS = 1.0
_CUT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED}


def follow(open_stream: Callable[[str], Any], resume_token: str = "", *, afresh: bool = False) -> Iterator[Any]:
    """The messages of a feed, across reconnects, none twice. `open_stream` takes the token to continue from.

    With `afresh` a token that is too old is given up and the stream opened without one. Raises grpc.RpcError when it cannot even
    begin, or is refused later.
    """
    began = False
    while True:
        try:
            for message in open_stream(resume_token):
                began = True
                resume_token = getattr(message, "resume_token", "")
                yield message
        except grpc.RpcError as error:
            if afresh and resume_token and error.code() is grpc.StatusCode.OUT_OF_RANGE:
                resume_token = ""
                continue
            if not began or error.code() not in _CUT:
                raise
        time.sleep(_RECONNECT_SECONDS)


@click.group()
def watch() -> None:
    """Follows changes live, until Ctrl-C."""


@watch.command("stock")
@click.option("--sku", "skus", multiple=True, help="Only units of this SKU; may stand several times.")
@click.option("--location", default="", help="Only where the location's code begins so.")
@click.option("--snapshot", is_flag=True, help="First every unit that matches, as it is.")
@command
def watch_stock(tool: Tool, skus: tuple[str, ...], location: str, snapshot: bool) -> None:
    """Every change of a unit."""
    hub, wanted, whole = tool.hub, _variant_ids(tool, skus), snapshot

    def open_stream(token: str) -> Any:
        nonlocal whole
        request = inventory_pb.WatchStockRequest(
            resume_token=token, variant_ids=wanted, location_prefix=location, snapshot=whole and not token
        )
        # After a gap that is too long to be told, the units as they are take the place of the changes.
        whole = True
        return hub.inventory.WatchStock(request)

    _show(tool, follow(open_stream, afresh=True), _stock_line)


def _variant_ids(tool: Tool, skus: tuple[str, ...]) -> list[int]:
    if not skus:
        return []
    answer = tool.hub.inventory.BatchGetAvailability(inventory_pb.BatchGetAvailabilityRequest(skus=skus))
    return [each.variant_id for each in answer.items]


@watch.command("catalog")
@command
def watch_catalog(tool: Tool) -> None:
    """Every change of the catalogue."""
    hub = tool.hub
    _show(
        tool, follow(lambda t: hub.catalog.WatchCatalog(catalog_pb.WatchCatalogRequest(resume_token=t))), _catalog_line
    )


@watch.command("sync")
@click.option("--sku", default="", help="Only this SKU of ours.")
@command
def watch_sync(tool: Tool, sku: str) -> None:
    """Every push to a channel and every order from one."""
    hub = tool.hub
    _show(tool, follow(lambda _: hub.sync.WatchSync(sync_pb.WatchSyncRequest(sku=sku))), _sync_line)


def _show(tool: Tool, messages: Iterator[Any], line: Callable[[Any], str | None]) -> None:
    try:
        for message in messages:
            text = line(message)
            if text is None:
                continue
            if tool.output.as_json:
                tool.output.json(message)
            else:
                tool.output.console.print(text)
    except KeyboardInterrupt:
        return


def _stock_line(message: Any) -> str | None:
    if message.HasField("item"):
        item = message.item
        return f"{item.sku}  unit #{item.id}  {styled(item_pb2.Item.Status.Name(item.status))}  {escape(item.location)}"
    if not message.HasField("change"):
        return None
    change, name = message.change, item_pb2.Item.Status.Name
    before = name(change.before_status) if change.before_status else "new"
    states = f"{styled(before)} -> {styled(name(change.after_status))}"
    return f"{change.sku}  unit #{change.item_id}  {states}  {escape(change.order_reference)}"


def _catalog_line(message: Any) -> str | None:
    if not message.HasField("change"):
        return None
    change = message.change
    kind, action = catalog_pb.CatalogChange.Kind.Name(change.kind), catalog_pb.CatalogChange.Action.Name(change.action)
    return f"{kind} {escape(change.natural_key)} {action} {', '.join(change.changed_fields)}"


def _sync_line(message: Any) -> str | None:
    kind = message.WhichOneof("event")
    if kind == "listing_pushed":
        pushed = message.listing_pushed
        before = pushed.quantity_before if pushed.HasField("quantity_before") else "?"
        outcome = listing_pb2.ListingAttempt.Outcome.Name(pushed.outcome)
        shown = f"{before} -> {pushed.quantity}  {money(pushed.price)}"
        return f"{pushed.account:8} {pushed.sku}  {shown}  {outcome} {escape(pushed.message)}"
    if kind == "order_taken":
        order = message.order_taken
        state = order_pb2.Order.Status.Name(order.status)
        return f"{order.account:8} order {escape(order.order_reference)}  {state} {escape(order.message)}"
    return None


COMMANDS = [watch]
