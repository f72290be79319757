"""What the stock has cost, now or at a past time, and what the goods sold had cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from google.protobuf.timestamp_pb2 import Timestamp
from usav.inventory.v1 import inventory_service_pb2 as pb
from usav.inventory.v1 import item_pb2, proof_pb2

from hubctl.context import Tool, command
from hubctl.output import Column, money

_STATUS = item_pb2.Item.Status.Name
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"])
_PART: dict[str, Callable[[Any], str]] = {
    "status": lambda part: _STATUS(part.status),
    "location": lambda part: part.location or "not put away",
    "family": lambda part: f"{part.product_id:05d}",
    "condition": lambda part: part.condition_code,
}


def _moment(value: datetime) -> Timestamp:
    """A time as it was typed, which is UTC."""
    moment = Timestamp()
    moment.FromDatetime(value.replace(tzinfo=UTC))
    return moment


def _rows(answer: Any, by: str) -> list[Any]:
    return [*getattr(answer, f"by_{by}"), answer.total]


def _names(answer: Any, by: str) -> Column:
    """The first column: what a part is of, and that the last row is all of it."""
    return by, lambda part: "all" if part is answer.total else _PART[by](part)


@click.command()
@click.option("--by", type=click.Choice(sorted(_PART)), default="status", show_default=True, help="How to part it.")
@click.option("--as-of", type=_MOMENT, help="As it was just before this time (UTC), by the ledger.")
@click.option("--location", default="", help="Only what lies there.")
@click.option("--family", "product_id", type=click.IntRange(0, 99999), help="Only this family.")
@command
def value(tool: Tool, by: str, as_of: datetime | None, location: str, product_id: int | None) -> None:
    """Shows what the stock on hand has cost (admin)."""
    request = pb.GetStockValueRequest(location=location, product_id=product_id, as_of=_moment(as_of) if as_of else None)
    answer = tool.hub.inventory.GetStockValue(request)
    if tool.output.as_json:
        tool.output.json(answer)
        return
    columns: list[Column] = [
        _names(answer, by),
        ("units", lambda p: p.units),
        ("without cost units", lambda p: p.units_without_cost),
        ("value $", lambda p: ", ".join(money(m) for m in p.values) or "-"),
    ]
    tool.output.rows(_rows(answer, by), columns)


@click.command()
@click.argument("start", type=_MOMENT)
@click.argument("end", type=_MOMENT)
@click.option("--by", type=click.Choice(["family", "condition"]), default="family", show_default=True)
@command
def cogs(tool: Tool, start: datetime, end: datetime, by: str) -> None:
    """Shows what the goods sold from START until before END (UTC) had cost, less those that came back (admin)."""
    request = proof_pb2.GetCostOfGoodsSoldRequest(start_time=_moment(start), end_time=_moment(end))
    answer = tool.hub.inventory.GetCostOfGoodsSold(request)
    if tool.output.as_json:
        tool.output.json(answer)
        return
    columns: list[Column] = [
        _names(answer, by),
        ("sold units", lambda p: p.sold_units),
        ("returned units", lambda p: p.returned_units),
        ("without cost units", lambda p: p.units_without_cost),
        ("cost $", lambda p: ", ".join(money(m) for m in p.costs) or "-"),
    ]
    tool.output.rows(_rows(answer, by), columns)


COMMANDS = [value, cogs]
