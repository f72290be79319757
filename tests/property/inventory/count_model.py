"""What a cycle count should find: units that lay there all along and were not scanned, and those scanned where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.property.inventory.model import IN_HOUSE, UNPROMISED, Stock, Unit


@dataclass(frozen=True)
class Scan:
    """Where a unit was scanned last, when, and whether the hub thought so too."""

    location: str
    fits: bool
    at: int


@dataclass
class Difference:
    """A unit that is not where it should be, as it was when the count was closed."""

    kind: str
    status: str
    etag: str


@dataclass
class Count:
    """A count; its differences are there once it is closed."""

    id: int
    locations: tuple[str, ...]
    opened_at: int
    state: str = "OPEN"
    scans: dict[int, Scan] = field(default_factory=dict)
    differences: dict[int, Difference] = field(default_factory=dict)

    def scan(self, unit: Unit, location: str, now: int) -> str:
        if unit.is_deleted:
            return "UNKNOWN_CODE"
        before = self.scans.get(unit.id)
        fits = unit.location == location and unit.status in IN_HOUSE
        self.scans[unit.id] = Scan(location, fits, now)
        return "RECORDED" if before is None else "REPEATED" if before.location == location else "RELOCATED"

    def close(self, stock: Stock, moved_at: Mapping[int, int], etags: Mapping[int, str]) -> None:
        self.state = "CLOSED"
        for unit in stock.present:
            kind = self._kind(unit, moved_at.get(unit.id, 0))
            if kind:
                self.differences[unit.id] = Difference(kind, unit.status, etags[unit.id])

    def _kind(self, unit: Unit, moved_at: int) -> str:
        scan, in_house = self.scans.get(unit.id), unit.status in IN_HOUSE
        if scan is None:
            is_missing = unit.serial and in_house and unit.location in self.locations and moved_at < self.opened_at
            return "MISSING" if is_missing else ""
        if scan.fits or (in_house and unit.location == scan.location) or moved_at >= scan.at:
            return ""
        return "MISPLACED" if in_house else "UNEXPECTED"

    def approve(self, stock: Stock, etags: Mapping[int, str]) -> dict[int, str]:
        """What becomes of each difference; corrects the units."""
        self.state = "APPROVED"
        by_id = {unit.id: unit for unit in stock.units}
        return {
            unit_id: self._correct(by_id[unit_id], found, etags.get(unit_id) == found.etag)
            for unit_id, found in self.differences.items()
        }

    def _correct(self, unit: Unit, found: Difference, is_unchanged: bool) -> str:
        if found.kind == "UNEXPECTED" and found.status != "WRITTEN_OFF":
            return "NEEDS_A_PERSON"
        if not is_unchanged:
            return "CHANGED_SINCE"
        if found.kind == "MISSING":
            if unit.status not in UNPROMISED:
                return "NEEDS_A_PERSON"
            unit.become("WRITTEN_OFF")
            return "CORRECTED"
        if found.kind == "UNEXPECTED":
            unit.become("RMA")
        unit.location = self.scans[unit.id].location
        return "CORRECTED"
