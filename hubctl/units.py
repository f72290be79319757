"""Changes of units: one, several in one call, or one after the other as a scanner reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from usav.inventory.v1 import batches_pb2, item_pb2

from hubctl.client import new_request_id
from hubctl.context import Tool
from hubctl.output import Column, money
from hubctl.scanning import Answer, scan

F = TypeVar("F", bound=Callable[..., Any])
_STATUS = item_pb2.Item.Status.Name
ITEM: list[Column] = [
    ("id", lambda i: i.id),
    ("SKU", lambda i: i.sku),
    ("serial", lambda i: i.serial_number),
    ("status", lambda i: _STATUS(i.status)),
    ("location", lambda i: i.location),
    ("cost $", lambda i: money(i.unit_cost)),
    ("order", lambda i: i.order_reference or i.reservation.order_reference),
]
_RESULT: list[Column] = [
    ("unit", lambda r: r.serial_number or f"#{r.item_id}"),
    ("done", lambda r: "yes" if r.done else "no"),
    ("status", lambda r: _STATUS(r.status) if r.status else ""),
    ("why not", lambda r: r.message),
]
_partial = click.option("--partial", is_flag=True, help="Of several units, change those that can be changed.")


@dataclass(frozen=True)
class Change:
    """An rpc that changes one unit, and the one that changes many where there is one."""

    method: str
    request: type[Any]
    batch: str = ""
    batch_request: type[Any] | None = None


def unit_arguments(function: F) -> F:
    """The units of a command that can change several in one call."""
    return click.argument("units", nargs=-1, required=True, metavar="UNIT...|-")(_partial(function))


def named_unit(text: str) -> dict[str, Any]:
    """A unit as people name it: `#17` is an id, everything else a serial number."""
    if text.startswith("#"):
        if not text[1:].isdigit():
            raise click.BadParameter(f"{text!r} is not a unit id such as #17")
        return {"id": int(text[1:])}
    return {"serial_number": text}


def named_units(texts: Sequence[str]) -> dict[str, Any]:
    """Ids and serial numbers of several units."""
    named = [named_unit(text) for text in texts]
    return {
        "ids": [each["id"] for each in named if "id" in each],
        "serial_numbers": [each["serial_number"] for each in named if "serial_number" in each],
    }


def change(tool: Tool, what: Change, units: Sequence[str], partial: bool = False, **fields: Any) -> None:
    """Changes the units named; `-` alone stands for those on standard input, each changed as it is read.

    Several at once are changed all or none, unless `partial`; then the status is 1 when one was not.
    """
    if list(units) == ["-"]:
        scan(tool, lambda code: _scanned(tool, what, code, fields))
    elif len(units) == 1:
        tool.output.one(_one(tool, what, units[0], fields), ITEM)
    else:
        _many(tool, what, units, partial, fields)


def _one(tool: Tool, what: Change, unit: str, fields: dict[str, Any]) -> item_pb2.Item:
    request = what.request(**named_unit(unit), **fields, request_id=new_request_id())
    item: item_pb2.Item = getattr(tool.hub.inventory, what.method)(request)
    return item


def _scanned(tool: Tool, what: Change, code: str, fields: dict[str, Any]) -> Answer:
    item = _one(tool, what, code, fields)
    return Answer(_STATUS(item.status), " @ ".join(filter(None, (item.sku, item.location))))


def _many(tool: Tool, what: Change, units: Sequence[str], partial: bool, fields: dict[str, Any]) -> None:
    if what.batch_request is None:
        raise click.UsageError("one unit at a time; or - for those on standard input, each by itself")
    request = what.batch_request(**named_units(units), **fields, allow_partial=partial, request_id=new_request_id())
    answer: batches_pb2.BatchUnitsResponse = getattr(tool.hub.inventory, what.batch)(request)
    tool.output.rows(answer.results, _RESULT, title=f"{answer.done_units} done, {answer.refused_units} refused")
    if answer.refused_units:
        click.get_current_context().exit(1)
