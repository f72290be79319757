"""Serial numbers: kept as entered without surrounding blanks, unique whatever their case."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.errors import SerialNumberRepeated


def clean(serial_number: str) -> str:
    """The serial number as it is kept."""
    return serial_number.strip()


def refuse_repeats(serial_numbers: Sequence[str], field: str) -> None:
    """Passes when no serial number stands twice; empty ones do not count. Raises SerialNumberRepeated."""
    seen: set[str] = set()
    for position, serial_number in enumerate(serial_numbers):
        if not serial_number:
            continue
        key = serial_number.upper()
        if key in seen:
            raise SerialNumberRepeated.of(field.format(position), serial_number)
        seen.add(key)
