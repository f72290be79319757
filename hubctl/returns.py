"""Units that come back, are looked at, repaired, sold again or given up."""

from __future__ import annotations

from typing import Any

import click
from usav.inventory.v1 import after_sale_pb2 as pb

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.inventory import ITEM, named_unit

_REASON = click.option("--reason", required=True, help="Why; goes into the ledger.")
_WHY = click.option("--reason", default="", help="Why; goes into the ledger.")
_LOCATION = click.option("--location", default="", help="Where it lies now, e.g. A1-S2.")


def _done(tool: Tool, method: str, request: Any) -> None:
    tool.output.one(getattr(tool.hub.inventory, method)(request), ITEM)


@click.command("return")
@click.argument("unit")
@click.option("--order", "order_reference", default="", help="The order it comes back from; checked.")
@click.option("--rma", "rma_number", default="", help="The number the buyer was told.")
@_LOCATION
@_REASON
@command
def return_(tool: Tool, unit: str, **fields: Any) -> None:
    """Takes a sold unit (serial number, or #id) back."""
    request = pb.ReturnItemRequest(**named_unit(unit), **fields, request_id=new_request_id())
    _done(tool, "ReturnItem", request)


@click.command()
@click.argument("unit")
@click.option("--grade", default="", help='What it was graded, e.g. "B+".')
@click.option("--notes", default="", help="Remarks.")
@_WHY
@command
def inspect(tool: Tool, unit: str, **fields: Any) -> None:
    """Keeps the grade and the remarks of whoever looked at a unit."""
    _done(tool, "InspectItem", pb.InspectItemRequest(**named_unit(unit), **fields, request_id=new_request_id()))


@click.command()
@click.argument("unit")
@click.option("--sku", default="", help="The SKU of another condition that it is sold as from now on.")
@click.option("--grade", default="", help="What it was graded.")
@_LOCATION
@_WHY
@command
def restock(tool: Tool, unit: str, **fields: Any) -> None:
    """Makes a returned or damaged unit free to sell again."""
    _done(tool, "RestockItem", pb.RestockItemRequest(**named_unit(unit), **fields, request_id=new_request_id()))


@click.command()
@click.argument("unit")
@_LOCATION
@_REASON
@command
def damage(tool: Tool, unit: str, **fields: Any) -> None:
    """Takes a unit out of what may be sold."""
    _done(tool, "DamageItem", pb.DamageItemRequest(**named_unit(unit), **fields, request_id=new_request_id()))


@click.command()
@click.argument("unit")
@click.option("--notes", default="", help="Remarks.")
@_LOCATION
@_WHY
@command
def repair(tool: Tool, unit: str, **fields: Any) -> None:
    """Records that a damaged unit was repaired; it is inspected and restocked next."""
    _done(tool, "RepairItem", pb.RepairItemRequest(**named_unit(unit), **fields, request_id=new_request_id()))


@click.command("write-off")
@click.argument("unit")
@_REASON
@command
def write_off(tool: Tool, unit: str, reason: str) -> None:
    """Takes a unit that is lost or scrapped off the books."""
    request = pb.WriteOffItemRequest(**named_unit(unit), reason=reason, request_id=new_request_id())
    _done(tool, "WriteOffItem", request)


COMMANDS = [return_, inspect, restock, damage, repair, write_off]
