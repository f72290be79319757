"""Units on their way between warehouses."""

from __future__ import annotations

import click
from usav.inventory.v1 import item_pb2
from usav.inventory.v1 import transfer_pb2 as pb

from hubctl.client import new_request_id, pages
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time
from hubctl.units import named_units

_TRANSFER: list[Column] = [
    ("id", lambda t: t.id),
    ("to", lambda t: t.to_warehouse),
    ("shipped units", lambda t: t.shipped_units),
    ("in transit units", lambda t: t.in_transit_units),
    ("by", lambda t: t.shipped_by),
    ("time", lambda t: clock_time(t.ship_time)),
    ("note", lambda t: t.note),
]


_UNIT: list[Column] = [
    ("unit", lambda u: f"#{u.item_id}"),
    ("serial", lambda u: u.serial_number),
    ("SKU", lambda u: u.sku),
    ("was", lambda u: item_pb2.Item.Status.Name(u.shipped_status)),
    ("on its way", lambda u: "yes" if u.in_transit else "no"),
]


@click.group()
def transfers() -> None:
    """Units on their way from one warehouse to another."""


@transfers.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that have arrived too.")
@command
def list_(tool: Tool, everything: bool) -> None:
    """Lists transfers that are on their way."""
    request = pb.ListTransfersRequest(in_transit_only=not everything, page_size=1000)
    tool.output.rows(pages(tool.hub.inventory.ListTransfers, request), _TRANSFER)


@transfers.command()
@click.argument("transfer", type=int)
@command
def show(tool: Tool, transfer: int) -> None:
    """Shows a transfer with its units."""
    found = tool.hub.inventory.GetTransfer(pb.GetTransferRequest(id=transfer))
    tool.output.one(found, _TRANSFER)
    if not tool.output.as_json:
        tool.output.rows(found.units, _UNIT)


@transfers.command()
@click.argument("warehouse")
@click.argument("units", nargs=-1, required=True)
@click.option("--note", default="", help="The carrier and its tracking number.")
@command
def ship(tool: Tool, warehouse: str, units: tuple[str, ...], note: str) -> None:
    """Ships units (serial numbers, or #ids) to a warehouse."""
    request = pb.CreateTransferRequest(
        to_warehouse=warehouse, **named_units(units), note=note, request_id=new_request_id()
    )
    tool.output.one(tool.hub.inventory.CreateTransfer(request), _TRANSFER)


@transfers.command()
@click.argument("transfer", type=int)
@click.argument("units", nargs=-1)
@click.option("--location", default="", help="Where they lie now.")
@command
def arrive(tool: Tool, transfer: int, units: tuple[str, ...], location: str) -> None:
    """Takes in the units of a transfer, or only those named."""
    request = pb.ReceiveTransferRequest(
        id=transfer, **named_units(units), location=location, request_id=new_request_id()
    )
    tool.output.one(tool.hub.inventory.ReceiveTransfer(request), _TRANSFER)


COMMANDS = [transfers]
