"""What a seller's edit makes of the lines of an order, whatever the platform: which stay, which go, which are new.

Lines are found by SKU. What was sent cannot be taken away.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.wire import Json
from sandbox.world import CannotEdit, WantedLine


def paired(
    held: Sequence[Json], wanted: Sequence[WantedLine]
) -> tuple[list[tuple[Json, WantedLine | None]], list[WantedLine]]:
    """The order's lines, each with what it becomes (None: it goes), and the lines it lacks. Raises CannotEdit."""
    by_sku = {line.instead_of or line.sku: line for line in wanted}
    if len(by_sku) < len(wanted) or len({line.sku for line in wanted}) < len(wanted):
        raise CannotEdit("lines: every SKU once")
    kept = [(line, by_sku.pop(line["sku"], None)) for line in held]
    missing = next((line.instead_of for line in by_sku.values() if line.instead_of), None)
    if missing is not None:
        raise CannotEdit(f"the order has no line of {missing}")
    return kept, list(by_sku.values())


def refuse_swaps(wanted: Sequence[WantedLine], platform: str) -> None:
    """Only Zoho lets another item take the place of one. Raises CannotEdit."""
    if any(line.instead_of for line in wanted):
        raise CannotEdit(f"a line of an order of {platform} keeps its item")


def refuse_below(sku: str, units: int, sent: int) -> None:
    """What was sent stays in the order. Raises CannotEdit."""
    if units < sent:
        raise CannotEdit(f"{sent} of {sku} were sent already")


def refuse_empty(wanted: Sequence[object]) -> None:
    """An order without lines is none. Raises CannotEdit."""
    if not wanted:
        raise CannotEdit("lines: at least one must stay")
