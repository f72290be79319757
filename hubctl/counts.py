"""Cycle counts, and scanning for them: one code per line on standard input, answered at once."""

from __future__ import annotations

import click
from usav.inventory.v1 import stock_count_pb2 as pb

from hubctl import scanning
from hubctl.client import new_request_id, pages
from hubctl.context import Tool, command
from hubctl.output import Column, clock_time
from hubctl.scanning import Answer

_STATE = pb.StockCount.State.Name
_KIND = pb.CountDifference.Kind.Name
_OUTCOME = pb.ScanStockCountResponse.Outcome.Name

_COUNT: list[Column] = [
    ("id", lambda c: c.id),
    ("state", lambda c: _STATE(c.state)),
    ("locations", lambda c: " ".join(c.locations)),
    ("scanned units", lambda c: c.scanned_units),
    ("as expected units", lambda c: c.matched_units),
    ("not judged units", lambda c: c.unjudged_units),
    ("by", lambda c: c.opened_by),
    ("time", lambda c: clock_time(c.open_time)),
]
_DIFFERENCE: list[Column] = [
    ("difference", lambda d: _KIND(d.kind)),
    ("unit", lambda d: d.item_id or ""),
    ("code", lambda d: d.code),
    ("SKU", lambda d: d.sku),
    ("expected at", lambda d: d.expected_location),
    ("found at", lambda d: d.found_location),
    ("outcome", lambda d: pb.CountDifference.Outcome.Name(d.outcome) if d.outcome else ""),
]


@click.group()
def counts() -> None:
    """Counts of what lies at some locations."""


@counts.command("list")
@command
def list_(tool: Tool) -> None:
    """Lists the counts."""
    request = pb.ListStockCountsRequest(page_size=1000)
    tool.output.rows(pages(tool.hub.inventory.ListStockCounts, request), _COUNT)


@counts.command("open")
@click.argument("locations", nargs=-1, required=True)
@click.option("--note", default="", help="Remarks.")
@command
def open_(tool: Tool, locations: tuple[str, ...], note: str) -> None:
    """Opens a count of locations, e.g. A1-S1 A1-S2."""
    request = pb.CreateStockCountRequest(locations=locations, note=note, request_id=new_request_id())
    tool.output.one(tool.hub.inventory.CreateStockCount(request), _COUNT)


@counts.command()
@click.argument("count", type=int)
@command
def show(tool: Tool, count: int) -> None:
    """Shows a count, with its differences once it is closed."""
    _tell(tool, tool.hub.inventory.GetStockCount(pb.GetStockCountRequest(id=count)))


@counts.command()
@click.argument("count", type=int)
@command
def close(tool: Tool, count: int) -> None:
    """Ends the scanning and shows the differences."""
    request = pb.CloseStockCountRequest(id=count, request_id=new_request_id())
    _tell(tool, tool.hub.inventory.CloseStockCount(request))


@counts.command()
@click.argument("count", type=int)
@command
def approve(tool: Tool, count: int) -> None:
    """Corrects the stock by the differences of a closed count (admin)."""
    request = pb.ApproveStockCountRequest(id=count, request_id=new_request_id())
    _tell(tool, tool.hub.inventory.ApproveStockCount(request))


@counts.command()
@click.argument("count", type=int)
@command
def cancel(tool: Tool, count: int) -> None:
    """Gives a count up; nothing is corrected."""
    request = pb.CancelStockCountRequest(id=count, request_id=new_request_id())
    _tell(tool, tool.hub.inventory.CancelStockCount(request))


def _tell(tool: Tool, count: pb.StockCount) -> None:
    if tool.output.as_json:
        tool.output.json(count)
        return
    tool.output.one(count, _COUNT)
    if count.differences:
        tool.output.rows(count.differences, _DIFFERENCE, title=f"{len(count.differences)} differences")


@click.command()
@click.argument("count", type=int)
@click.option("--location", default="", help="Where you stand; may be left out when one location is counted.")
@click.option("--device", default="", help="The scanner's name, for the record.")
@command
def scan(tool: Tool, count: int, location: str, device: str) -> None:
    """Scans for a count: one code per line from standard input (serial numbers, or #ids), each answered at once.

    A code that is unknown or refused rings the bell; the exit status is 1 when there was one.
    """
    scanning.scan(
        tool,
        lambda code: _scan(
            tool,
            pb.ScanStockCountRequest(
                id=count, code=code, location=location, device=device, request_id=new_request_id()
            ),
        ),
    )


def _scan(tool: Tool, request: pb.ScanStockCountRequest) -> Answer:
    answer = tool.hub.inventory.ScanStockCount(request)
    return Answer(
        _OUTCOME(answer.outcome),
        f"{answer.scanned_codes} so far",
        odd=answer.outcome != pb.ScanStockCountResponse.RECORDED,
        wrong=answer.outcome == pb.ScanStockCountResponse.UNKNOWN_CODE,
    )


COMMANDS = [counts, scan]
