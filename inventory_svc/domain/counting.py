"""A cycle count: its states, what a scan came to, and what a difference calls for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory_svc.domain.errors import CountStateForbids
from inventory_svc.domain.item import Action, Status


class CountState(StrEnum):
    """How far a count has come."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"


class ScanOutcome(StrEnum):
    """What became of a scan."""

    RECORDED = "RECORDED"
    REPEATED = "REPEATED"
    RELOCATED = "RELOCATED"
    UNKNOWN_CODE = "UNKNOWN_CODE"


class DifferenceKind(StrEnum):
    """How the shelf differs from what the hub thinks."""

    MISSING = "MISSING"
    MISPLACED = "MISPLACED"
    UNEXPECTED = "UNEXPECTED"
    UNKNOWN = "UNKNOWN"


class DifferenceOutcome(StrEnum):
    """What approval did about a difference."""

    CORRECTED = "CORRECTED"
    CHANGED_SINCE = "CHANGED_SINCE"
    NEEDS_A_PERSON = "NEEDS_A_PERSON"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `item_id` is 0 and `status` None where no unit has the code."""

    id: int
    kind: DifferenceKind
    item_id: int
    code: str
    sku: str
    status: Status | None
    expected_location: str
    found_location: str
    item_version: int
    outcome: DifferenceOutcome | None


@dataclass(frozen=True, slots=True)
class StockCount:
    """A count without its differences."""

    id: int
    state: CountState
    locations: tuple[str, ...]
    note: str
    scanned_units: int
    matched_units: int
    unjudged_units: int
    opened_by: str
    closed_by: str
    decided_by: str
    opened_at: datetime
    closed_at: datetime | None
    decided_at: datetime | None


def check_state(count: StockCount, doing: str, *states: CountState) -> None:
    """Passes when the count is in one of the states. Raises CountStateForbids."""
    if count.state not in states:
        raise CountStateForbids.of(count.id, count.state.value, doing)


def correction(difference: Difference) -> Action | None:
    """What puts the stock right; None where a person must decide."""
    if difference.kind is DifferenceKind.MISSING:
        return Action.WRITE_OFF
    if difference.kind is DifferenceKind.MISPLACED:
        return Action.MOVE
    if difference.kind is DifferenceKind.UNEXPECTED and difference.status is Status.WRITTEN_OFF:
        return Action.FIND
    return None


def unit_id_of(code: str) -> int:
    """The unit id of a code such as "#9041"; 0 for every other code."""
    number = code.strip()[1:]
    is_id = code.strip().startswith("#") and number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if is_id else 0
