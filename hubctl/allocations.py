"""Units promised to orders: bundles and units mixed, held, made to last longer, sold or given back."""

from __future__ import annotations

from collections.abc import Sequence

import click
from google.protobuf.duration_pb2 import Duration
from usav.inventory.v1 import allocation_pb2
from usav.inventory.v1 import inventory_service_pb2 as pb

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time, parse_money

_LINE: list[Column] = [
    ("line", lambda line: line.line_id),
    ("SKU", lambda line: line.sku),
    ("quantity", lambda line: line.quantity),
    ("state", lambda line: allocation_pb2.AllocatedLine.State.Name(line.state)),
    ("returned units", lambda line: line.returned_units),
    ("until", lambda line: clock_time(line.expire_time) if line.HasField("expire_time") else ""),
    ("units", lambda line: ", ".join(item.serial_number or f"#{item.id}" for item in line.items)),
]
_FREE: list[Column] = [
    ("SKU", lambda each: each.sku),
    ("free units", lambda each: each.free_units),
    ("to build units", lambda each: each.buildable_units),
]


@click.group()
def allocation() -> None:
    """Promises units to the lines of an order."""


def _line(
    text: str, place: int, change: pb.AllocateUnitsRequest.QuantityChange.ValueType
) -> pb.AllocateUnitsRequest.Line:
    """`SKU`, `SKU=2` or `SKU@SERIAL,SERIAL`."""
    line_id = str(place)
    sku, _, serials = text.partition("@")
    if serials:
        return pb.AllocateUnitsRequest.Line(line_id=line_id, sku=sku, serial_numbers=serials.split(","))
    sku, _, count = text.partition("=")
    if count and not count.isdigit():
        raise click.BadParameter(f"{text!r} is not a SKU and a number, such as 00845-B-N=2")
    return pb.AllocateUnitsRequest.Line(line_id=line_id, sku=sku, quantity=int(count or 1), quantity_change=change)


def _line_to_sell(text: str) -> allocation_pb2.CommitAllocationRequest.Line:
    """`LINE`, or `LINE=PRICE`."""
    line_id, _, price = text.rpartition("=")
    if not line_id:
        return allocation_pb2.CommitAllocationRequest.Line(line_id=text)
    try:
        return allocation_pb2.CommitAllocationRequest.Line(line_id=line_id, sale_price=parse_money(price))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _duration(hours: float | None) -> Duration | None:
    return Duration(seconds=round(hours * 3600)) if hours else None


@allocation.command()
@click.argument("order_reference")
@click.argument("lines", nargs=-1, required=True, metavar="SKU[=NUMBER|@SERIAL,...]...")
@click.option("--hours", type=click.FloatRange(0.01, 720), help="How long to hold them.")
@click.option("--sell", is_flag=True, help="Sell them at once.")
@click.option(
    "--change",
    is_flag=True,
    help="A line that was held before may get another number: more are taken, or some given back.",
)
@command
def hold(tool: Tool, order_reference: str, lines: Sequence[str], hours: float | None, sell: bool, change: bool) -> None:
    """Holds the oldest units, or those named, for an order, all lines or none; bundles are built from their components."""
    quantities = pb.AllocateUnitsRequest.SET if change else pb.AllocateUnitsRequest.QUANTITY_CHANGE_UNSPECIFIED
    request = pb.AllocateUnitsRequest(
        order_reference=order_reference,
        lines=[_line(text, place, quantities) for place, text in enumerate(lines, start=1)],
        hold_duration=_duration(hours),
        sell=sell,
        request_id=new_request_id(),
    )
    tool.output.rows(tool.hub.inventory.AllocateUnits(request).lines, _LINE)


@allocation.command()
@click.argument("order_reference")
@command
def show(tool: Tool, order_reference: str) -> None:
    """Shows what is promised to an order."""
    request = allocation_pb2.GetAllocationRequest(order_reference=order_reference)
    tool.output.rows(tool.hub.inventory.GetAllocation(request).lines, _LINE)


@allocation.command()
@click.argument("order_reference")
@click.option("--hours", type=click.FloatRange(0.01, 720), help="How long from now; 24 when left out.")
@command
def extend(tool: Tool, order_reference: str, hours: float | None) -> None:
    """Makes the holds of an order last longer."""
    request = allocation_pb2.ExtendAllocationRequest(
        order_reference=order_reference, hold_duration=_duration(hours), request_id=new_request_id()
    )
    tool.output.rows(tool.hub.inventory.ExtendAllocation(request).lines, _LINE)


@allocation.command()
@click.argument("order_reference")
@click.argument("lines", nargs=-1, metavar="[LINE[=PRICE]]...")
@command
def commit(tool: Tool, order_reference: str, lines: Sequence[str]) -> None:
    """Sells what is held for an order, all lines or those named, at a price apiece where one is told (1=89.00, in USD)."""
    request = allocation_pb2.CommitAllocationRequest(
        order_reference=order_reference,
        lines=[_line_to_sell(text) for text in lines],
        request_id=new_request_id(),
    )
    tool.output.rows(tool.hub.inventory.CommitAllocation(request).lines, _LINE)


@allocation.command()
@click.argument("order_reference")
@click.argument("line_ids", nargs=-1)
@command
def release(tool: Tool, order_reference: str, line_ids: Sequence[str]) -> None:
    """Gives back what is promised to an order, all lines or those named."""
    request = pb.ReleaseAllocationRequest(
        order_reference=order_reference, line_ids=line_ids, request_id=new_request_id()
    )
    tool.output.rows(tool.hub.inventory.ReleaseAllocation(request).lines, _LINE)


@click.command()
@click.argument("skus", nargs=-1, required=True)
@command
def available(tool: Tool, skus: Sequence[str]) -> None:
    """Shows how many units of SKUs may be promised now; of bundles also how many can be built."""
    answer = tool.hub.inventory.BatchGetAvailability(pb.BatchGetAvailabilityRequest(skus=skus))
    tool.output.rows(answer.items, _FREE)


COMMANDS = [allocation, available]
