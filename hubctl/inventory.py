"""Stock: receive, move, reserve, release, sell, and where everything is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from google.protobuf.duration_pb2 import Duration
from usav.inventory.v1 import batches_pb2, item_pb2, movement_pb2
from usav.inventory.v1 import inventory_service_pb2 as pb

from hubctl.client import new_request_id, pages
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time, parse_money
from hubctl.scanning import Answer, codes, scan
from hubctl.units import ITEM, Change, change, named_unit, unit_arguments

_STATUS = item_pb2.Item.Status.Name
# More units than this in one receipt are streamed.
_AT_ONCE = 1000
_MOVE = Change("MoveItem", pb.MoveItemRequest, "BatchMoveItems", pb.BatchMoveItemsRequest)
_RESERVE = Change("ReserveItem", pb.ReserveItemRequest, "BatchReserveItems", batches_pb2.BatchReserveItemsRequest)
_RELEASE = Change("ReleaseItem", pb.ReleaseItemRequest, "BatchReleaseItems", batches_pb2.BatchReleaseItemsRequest)
_SELL = Change("SellItem", pb.SellItemRequest, "BatchSellItems", batches_pb2.BatchSellItemsRequest)
_SUMMARY: list[Column] = [
    ("SKU", lambda s: s.sku),
    ("available units", lambda s: s.available_units),
    ("reserved units", lambda s: s.reserved_units),
    ("sold units", lambda s: s.sold_units),
    ("on hand units", lambda s: s.on_hand_units),
]
_MOVEMENT: list[Column] = [
    ("time", lambda m: clock_time(m.create_time)),
    ("unit", lambda m: m.item_id),
    ("action", lambda m: movement_pb2.Movement.Action.Name(m.action)),
    ("from", lambda m: _state(m.before_status, m.before_location)),
    ("to", lambda m: _state(m.after_status, m.after_location)),
    ("by", lambda m: m.actor_name),
    ("order", lambda m: m.order_reference),
    ("reason", lambda m: m.reason),
]


def _state(status: item_pb2.Item.Status.ValueType, location: str) -> str:
    name = "" if status == 0 else _STATUS(status)
    return f"{name} @ {location}" if location else name


def _amount(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return parse_money(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _scanned(serials: Sequence[str]) -> list[str]:
    """The serial numbers, with `-` standing for those on standard input, one per line as a scanner types them."""
    found: list[str] = []
    for serial in serials:
        found += codes(sys.stdin if serial == "-" else (serial,))
    if serials and not found:
        raise click.UsageError("there was no serial number on standard input")
    return found


@click.command()
@click.argument("sku")
@click.argument("serials", nargs=-1)
@click.option("--count", type=click.IntRange(1, 100_000), help="So many units without serial numbers.")
@click.option("--location", default="", help="Where they go, e.g. A1-S2.")
@click.option("--cost", help="What one unit cost, e.g. 19.99 (USD).")
@click.option("--order", "order_reference", default="", help="The purchase order.")
@click.option("--each", is_flag=True, help="Take each unit in as it is scanned, instead of all or none at the end.")
@command
def receive(
    tool: Tool,
    sku: str,
    serials: tuple[str, ...],
    count: int | None,
    location: str,
    cost: str | None,
    order_reference: str,
    each: bool,
) -> None:
    """Takes units of SKU into stock, all or none: by serial number (`-`: one per line from standard input) or by --count."""
    if each:
        if serials != ("-",) or count:
            raise click.UsageError("--each takes serial numbers from standard input: receive SKU - --each")
        scan(
            tool,
            lambda code: _receive_one(tool, _line(sku, location, _amount(cost), serial_number=code), order_reference),
        )
        return
    found = _scanned(serials)
    if max(len(found), count or 0) > _AT_ONCE:
        lines = [_line(sku, location, _amount(cost), serial_number=serial) for serial in found]
        _receive_many(tool, lines or [_line(sku, location, _amount(cost), count=count or 0)], order_reference)
        return
    request = pb.ReceiveItemsRequest(
        sku=sku,
        serial_numbers=found,
        count=count or 0,
        location=location,
        unit_cost=_amount(cost),
        order_reference=order_reference,
        request_id=new_request_id(),
    )
    answer = tool.hub.inventory.ReceiveItems(request)
    tool.output.rows(answer.items, ITEM, title=f"{len(answer.items)} received")


def _line(sku: str, location: str, cost: Any, *, serial_number: str = "", count: int = 0) -> pb.ReceiptLine:
    return pb.ReceiptLine(sku=sku, serial_number=serial_number, count=count, location=location, unit_cost=cost)


def _receive_one(tool: Tool, line: pb.ReceiptLine, order_reference: str) -> Answer:
    request = pb.ReceiveItemsRequest(
        sku=line.sku,
        serial_numbers=[line.serial_number],
        location=line.location,
        unit_cost=line.unit_cost if line.HasField("unit_cost") else None,
        order_reference=order_reference,
        request_id=new_request_id(),
    )
    item = tool.hub.inventory.ReceiveItems(request).items[0]
    return Answer("RECEIVED", f"#{item.id} {item.sku}")


def _receive_many(tool: Tool, lines: Sequence[pb.ReceiptLine], order_reference: str) -> None:
    """One receipt of any size, in one transaction of the hub."""
    request_id = new_request_id()
    requests = (
        pb.BatchReceiveItemsRequest(
            request_id=request_id, lines=lines[start : start + _AT_ONCE], order_reference=order_reference
        )
        for start in range(0, len(lines), _AT_ONCE)
    )
    answer = tool.hub.inventory.BatchReceiveItems(requests)
    if tool.output.as_json:
        tool.output.json_line({"received_units": str(answer.received_units)})
    tool.output.say(f"{answer.received_units} received")


@click.command()
@unit_arguments
@click.argument("location")
@click.option("--reason", default="")
@command
def move(tool: Tool, units: Sequence[str], location: str, partial: bool, reason: str) -> None:
    """Moves units (serial numbers, or #ids; `-`: each as it is scanned) to a location."""
    change(tool, _MOVE, units, partial, location=location, reason=reason)


@click.command()
@unit_arguments
@click.option("--order", "order_reference", default="", help="The order they are held for.")
@click.option("--hours", type=click.FloatRange(0.01, 720), help="How long to hold them.")
@command
def reserve(tool: Tool, units: Sequence[str], partial: bool, order_reference: str, hours: float | None) -> None:
    """Holds units (serial numbers, or #ids; `-`: each as it is scanned).

    Nobody else can have them until they are released, sold, or the hold ends.
    """
    duration = Duration(seconds=round(hours * 3600)) if hours else None
    change(tool, _RESERVE, units, partial, order_reference=order_reference, hold_duration=duration)


@click.command()
@unit_arguments
@click.option("--order", "order_reference", default="")
@command
def release(tool: Tool, units: Sequence[str], partial: bool, order_reference: str) -> None:
    """Ends the hold on units (serial numbers, or #ids; `-`: each as it is scanned)."""
    change(tool, _RELEASE, units, partial, order_reference=order_reference)


@click.command()
@unit_arguments
@click.option("--order", "order_reference", default="", help="The order they go to.")
@click.option("--price", help="What each sold for, e.g. 89.00 (USD).")
@command
def sell(tool: Tool, units: Sequence[str], partial: bool, order_reference: str, price: str | None) -> None:
    """Marks units (serial numbers, or #ids; `-`: each as it is scanned) as sold."""
    change(tool, _SELL, units, partial, order_reference=order_reference, sale_price=_amount(price))


@click.command()
@click.argument("sku_or_serial")
@command
def stock(tool: Tool, sku_or_serial: str) -> None:
    """Shows the units of a SKU, or one unit by its serial number, and where they are."""
    audit = tool.hub.inventory.AuditStock(pb.AuditStockRequest(sku_or_serial=sku_or_serial, page_size=200))
    tool.output.rows(audit.items, ITEM, title=f"{audit.total_size} units")
    if audit.items and not tool.output.as_json:
        summary = tool.hub.inventory.GetStockSummary(pb.GetStockSummaryRequest(sku=audit.items[0].sku))
        tool.output.rows([summary], _SUMMARY)


@click.command()
@click.argument("unit")
@command
def history(tool: Tool, unit: str) -> None:
    """Shows everything that ever happened to a unit (serial number, or #id), from the ledger."""
    item = tool.hub.inventory.GetItem(pb.GetItemRequest(**named_unit(unit)))
    rows = pages(tool.hub.inventory.ListMovements, pb.ListMovementsRequest(item_id=item.id, page_size=1000))
    tool.output.rows(rows, _MOVEMENT, title=f"{item.sku} {item.serial_number}")


COMMANDS = [receive, move, reserve, release, sell, stock, history]
