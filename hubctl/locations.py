"""The places of the warehouses."""

from __future__ import annotations

import click
from usav.inventory.v1 import location_pb2

from hubctl.client import new_request_id, pages
from hubctl.context import Tool, command
from hubctl.output import Column

_PAGE = 1000
_LOCATION: list[Column] = [
    ("code", lambda p: p.code),
    ("name", lambda p: p.name),
    ("warehouse", lambda p: p.warehouse),
    ("active", lambda p: "yes" if p.active else "no"),
]


@click.group()
def locations() -> None:
    """Where units lie: places that units can be received and moved to."""


@locations.command("list")
@click.option("--warehouse", default="", help="Only those of this warehouse.")
@command
def list_(tool: Tool, warehouse: str) -> None:
    """Lists the locations by code."""
    request = location_pb2.ListLocationsRequest(warehouse=warehouse, page_size=_PAGE)
    found = list(pages(tool.hub.inventory.ListLocations, request))
    tool.output.rows(found, _LOCATION, title=f"{len(found)} locations")


@locations.command()
@click.argument("codes", nargs=-1, required=True)
@click.option("--name", default="", help="What people call it.")
@click.option("--warehouse", default="", help="The warehouse they are in.")
@command
def add(tool: Tool, codes: tuple[str, ...], name: str, warehouse: str) -> None:
    """Makes locations, e.g. A1-S1 A1-S2."""
    for code in codes:
        location = location_pb2.Location(code=code, name=name, warehouse=warehouse)
        request = location_pb2.CreateLocationRequest(location=location, request_id=new_request_id())
        tool.output.one(tool.hub.inventory.CreateLocation(request), _LOCATION)


@locations.command("set")
@click.argument("code")
@click.option("--name", help="What people call it.")
@click.option("--warehouse", help="The warehouse it is in.")
@click.option("--active/--inactive", "active", default=None, help="Whether units may be put there.")
@command
def set_(tool: Tool, code: str, name: str | None, warehouse: str | None, active: bool | None) -> None:
    """Changes a location."""
    location = location_pb2.Location(id=_id(tool, code), name=name, warehouse=warehouse, active=active)
    request = location_pb2.UpdateLocationRequest(location=location, request_id=new_request_id())
    tool.output.one(tool.hub.inventory.UpdateLocation(request), _LOCATION)


@locations.command()
@click.argument("code")
@command
def remove(tool: Tool, code: str) -> None:
    """Removes a location where no unit lies."""
    request = location_pb2.DeleteLocationRequest(id=_id(tool, code), request_id=new_request_id())
    tool.hub.inventory.DeleteLocation(request)
    tool.output.say(f"{code} removed")


def _id(tool: Tool, code: str) -> int:
    return int(tool.hub.inventory.GetLocation(location_pb2.GetLocationRequest(code=code)).id)


COMMANDS = [locations]
