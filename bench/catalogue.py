"""A catalogue of any size in the form of the marketplaces' spreadsheet: made up, and the same every time.

Like the real one it has some four rows to a family, products in a few colors and conditions, parts, and bundles made of parts
of the same family.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import count, islice

HEADER = (
    *("groupid", "Group Name", "Product Type", "Product Color", "Product Condition", "Component Type"),
    *("Included Products", "name", "sku", "platform", "ASIN"),
)
_PLATFORMS = ("MEKONG_eBay", "USAV_eBay", "DRAGON_eBay", "Ecwid", "Amazon")
_BRANDS = ("Aurel", "Bonner", "Cadence", "Delphi", "Ekko", "Forte", "Gamut")
_THINGS = ("Bookshelf Speaker", "Soundbar", "AV Receiver", "Subwoofer", "Turntable", "Cassette Deck")
_PARTS = ("Remote Control", "Power Supply", "Speaker Cable", "Wall Bracket")
_VARIANTS = (("BK", ""), ("SV", "R"), ("WY", "N"))

Row = tuple[str, ...]


def rows(number: int) -> Iterator[Row]:
    """So many rows below the header."""
    return islice(_all_rows(), number)


def as_csv(number: int) -> bytes:
    """The file with so many rows."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(rows(number))
    return text.getvalue().encode()


def _all_rows() -> Iterator[Row]:
    for group in count():
        family = f"{_BRANDS[group % 7]} {_THINGS[group % 6]} {1000 + group}"
        yield from _product(group, family)
        if group % 3 == 0:
            yield from _part(group, family)
        if group % 12 == 0:
            yield from _bundle(group, family)


def _product(group: int, family: str) -> Iterator[Row]:
    for number in range(2 + group % 4):
        color, condition = _VARIANTS[number % 3 if group % 2 else 0]
        yield _row(group, family, number, ("Product", color, condition, "", ""), f"{family} {color}".strip())


def _part(group: int, family: str) -> Iterator[Row]:
    part = _PARTS[group % 4]
    yield _row(group, family, 10, ("Parts", "", "", part, ""), f"{part} for {family}")


def _bundle(group: int, family: str) -> Iterator[Row]:
    part = _PARTS[group % 4]
    yield _row(group, family, 20, ("Bundle", "BK", "", "", f"{family}, {part}"), f"{family} with {part}")


def _row(group: int, family: str, number: int, what: tuple[str, ...], name: str) -> Row:
    platform = _PLATFORMS[(group + number) % 5]
    asin = f"B{group:07}{number:02}" if platform == "Amazon" else ""
    return (str(group), family, *what, name, f"G{group}-{number}", platform, asin)
