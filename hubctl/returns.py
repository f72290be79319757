"""Units that come back, are looked at, repaired, sold again or given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from usav.inventory.v1 import after_sale_pb2 as pb
from usav.inventory.v1 import batches_pb2

from hubctl.context import Tool, command
from hubctl.units import Change, change, unit_arguments

_REASON = click.option("--reason", required=True, help="Why; goes into the ledger.")
_WHY = click.option("--reason", default="", help="Why; goes into the ledger.")
_LOCATION = click.option("--location", default="", help="Where it lies now, e.g. A1-S2.")


_RETURN = Change("ReturnItem", pb.ReturnItemRequest, "BatchReturnItems", batches_pb2.BatchReturnItemsRequest)
_INSPECT = Change("InspectItem", pb.InspectItemRequest)
_RESTOCK = Change("RestockItem", pb.RestockItemRequest)
_DAMAGE = Change("DamageItem", pb.DamageItemRequest)
_REPAIR = Change("RepairItem", pb.RepairItemRequest)
_WRITE_OFF = Change("WriteOffItem", pb.WriteOffItemRequest, "BatchWriteOffItems", batches_pb2.BatchWriteOffItemsRequest)


@click.command("return")
@click.argument("units", nargs=-1, metavar="[UNIT...|-]")
@click.option("--partial", is_flag=True, help="Of several units, take those back that can be taken.")
@click.option("--order", "order_reference", default="", help="The order it comes back from; checked.")
@click.option("--rma", "rma_number", default="", help="The number the buyer was told.")
@_LOCATION
@_REASON
@command
def return_(tool: Tool, units: Sequence[str], partial: bool, **fields: Any) -> None:
    """Takes sold units (serial numbers, or #ids; `-`: each as it is scanned) back; with --order alone all of that order."""
    if not units and not fields["order_reference"]:
        raise click.UsageError("name units, or an order with --order")
    change(tool, _RETURN, units, partial, **fields)


@click.command()
@click.argument("unit")
@click.option("--grade", default="", help='What it was graded, e.g. "B+".')
@click.option("--notes", default="", help="Remarks.")
@_WHY
@command
def inspect(tool: Tool, unit: str, **fields: Any) -> None:
    """Keeps the grade and the remarks of whoever looked at a unit (`-`: at each as it is scanned)."""
    change(tool, _INSPECT, [unit], **fields)


@click.command()
@click.argument("unit")
@click.option("--sku", default="", help="The SKU of another condition that it is sold as from now on.")
@click.option("--grade", default="", help="What it was graded.")
@_LOCATION
@_WHY
@command
def restock(tool: Tool, unit: str, **fields: Any) -> None:
    """Makes a returned or damaged unit (`-`: each as it is scanned) free to sell again."""
    change(tool, _RESTOCK, [unit], **fields)


@click.command()
@click.argument("unit")
@_LOCATION
@_REASON
@command
def damage(tool: Tool, unit: str, **fields: Any) -> None:
    """Takes a unit (`-`: each as it is scanned) out of what may be sold."""
    change(tool, _DAMAGE, [unit], **fields)


@click.command()
@click.argument("unit")
@click.option("--notes", default="", help="Remarks.")
@_LOCATION
@_WHY
@command
def repair(tool: Tool, unit: str, **fields: Any) -> None:
    """Records that a damaged unit (`-`: each as it is scanned) was repaired; it is inspected and restocked next."""
    change(tool, _REPAIR, [unit], **fields)


@click.command("write-off")
@unit_arguments
@_REASON
@command
def write_off(tool: Tool, units: Sequence[str], partial: bool, reason: str) -> None:
    """Takes units that are lost or scrapped (`-`: each as it is scanned) off the books."""
    change(tool, _WRITE_OFF, units, partial, reason=reason)


COMMANDS = [return_, inspect, restock, damage, repair, write_off]
