"""What one row of a marketplace catalogue says, or what is wrong with it. Pure; docs/import.md tells the decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from catalog_svc.domain.codes import COLOR_FORM, CONDITION_FORM, DEFAULT_CONDITION, SIZE_FORM
from catalog_svc.domain.import_text import clean, from_cell

GROUP = "Group Name"
TYPE = "Product Type"
COLOR = "Product Color"
CONDITION = "Product Condition"
COMPONENT = "Component Type"
INCLUDED = "Included Products"
SKU = "sku"
PLATFORM = "platform"
ASIN = "ASIN"
NAME = "name"
SIZE = "Product Size"
COLUMNS = (GROUP, TYPE, COLOR, CONDITION, COMPONENT, INCLUDED, SKU, PLATFORM, ASIN, NAME)
# Written by our own export; files of others need not have them.
OPTIONAL_COLUMNS = (SIZE,)

_MAX_NAME = 300
_MAX_PLATFORM_SKU = 100
_MAX_INCLUDED = 4000
_TWO_TONE = re.compile(r"([A-Y])[A-Z]/([A-Z])[A-Z]")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_ECWID_ID = re.compile(r"(\d{5})(?:-|$)", re.ASCII)
_PLATFORMS = {"amazon": "AMAZON", "ebay": "EBAY", "ecwid": "ECWID", "zoho": "ZOHO"}


class RowKind(StrEnum):
    """The product types of the file."""

    PRODUCT = "PRODUCT"
    PART = "PART"
    BUNDLE = "BUNDLE"
    SERVICE = "SERVICE"


_KINDS = {
    "product": RowKind.PRODUCT,
    "products": RowKind.PRODUCT,
    "part": RowKind.PART,
    "parts": RowKind.PART,
    "bundle": RowKind.BUNDLE,
    "bundles": RowKind.BUNDLE,
    "service": RowKind.SERVICE,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row. `stops_listing_only` means the product itself could be taken."""

    column: str
    reason: str
    message: str
    stops_listing_only: bool = False


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One row, cleaned. `line` is where it starts in the file; absent codes are None."""

    line: int
    group: str
    kind: RowKind
    color: str | None
    size: str | None
    condition: str
    component: str
    included: str
    platform: str
    account: str
    platform_sku: str
    asin: str
    name: str
    notes: tuple[str, ...] = ()

    @property
    def group_key(self) -> str:
        """Group names are compared without case."""
        return key_of(self.group)

    @property
    def ecwid_id(self) -> int | None:
        """The family number that an Ecwid SKU such as 01279-B begins with."""
        match = _ECWID_ID.match(self.platform_sku) if self.platform == "ECWID" else None
        return int(match.group(1)) if match else None


def key_of(text: str) -> str:
    """What names are compared by: each character's own small letter, as the database compares them."""
    if text.isascii():
        return text.lower()
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


@dataclass
class RowReader:
    """Turns the cells of rows into CatalogRows. `columns` maps our column names to places in the row."""

    columns: Mapping[str, int]
    notes: list[str] = field(default_factory=list)

    def read(self, line: int, cells: Sequence[str]) -> CatalogRow | Problem:
        """The row, or the first thing wrong with it."""
        self.notes = []
        values = {name: self._cell(cells, name) for name in (*COLUMNS, *OPTIONAL_COLUMNS)}
        problem = _wrong_text(values) or _wrong_kind(values)
        if problem:
            return problem
        color = _color(values[COLOR])
        condition = values[CONDITION].upper() or DEFAULT_CONDITION
        platform, account = _platform(values[PLATFORM])
        problem = _wrong_codes(values, color, condition, platform)
        if problem:
            return problem
        if color and "/" in values[COLOR]:
            self.notes.append(f"{COLOR}: {values[COLOR]} became {color}")
        return CatalogRow(
            line=line,
            group=values[GROUP],
            kind=_KINDS[values[TYPE].lower()],
            color=color or None,
            size=values[SIZE].upper() or None,
            condition=condition,
            component=values[COMPONENT],
            included=values[INCLUDED],
            platform=platform,
            account=account,
            platform_sku=values[SKU],
            asin=values[ASIN],
            name=values[NAME],
            notes=tuple(self.notes),
        )

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self.columns.get(name, len(cells))
        text, mended = clean(cells[place]) if place < len(cells) else ("", False)
        if mended:
            self.notes.append(f"{name}: control characters repaired")
        return from_cell(text)


def _wrong_text(values: Mapping[str, str]) -> Problem | None:
    if not values[GROUP]:
        return Problem(GROUP, "GROUP_MISSING", "the row has no group name, so it belongs to no family")
    limits = ((GROUP, _MAX_NAME), (COMPONENT, _MAX_NAME), (NAME, _MAX_NAME), (INCLUDED, _MAX_INCLUDED))
    for column, most in (*limits, (SKU, _MAX_PLATFORM_SKU), (ASIN, 20)):
        if len(values[column]) > most:
            return Problem(column, "TEXT_TOO_LONG", f"has {len(values[column])} characters; {most} is the most")
    return None


def _wrong_kind(values: Mapping[str, str]) -> Problem | None:
    kind = _KINDS.get(values[TYPE].lower())
    if kind is None:
        return Problem(TYPE, "PRODUCT_TYPE_UNKNOWN", f"{_shown(values[TYPE])} is not Product, Parts, Bundle or Service")
    if kind is RowKind.PART and not values[COMPONENT]:
        return Problem(COMPONENT, "COMPONENT_MISSING", "a part needs a component type")
    if kind is RowKind.BUNDLE and not split_included(values[INCLUDED]):
        return Problem(INCLUDED, "RECIPE_MISSING", "a bundle needs the names of the products it includes")
    return None


def _wrong_codes(values: Mapping[str, str], color: str, condition: str, platform: str) -> Problem | None:
    if color and not re.fullmatch(COLOR_FORM, color):
        told = "is not a colour code of two letters (the first not Z)"
        return Problem(COLOR, "COLOR_INVALID", f"{_shown(values[COLOR])} {told}")
    if values[SIZE] and not re.fullmatch(SIZE_FORM, values[SIZE].upper()):
        return Problem(SIZE, "SIZE_INVALID", f"{_shown(values[SIZE])} is not a size code such as ZL")
    if not re.fullmatch(CONDITION_FORM, condition):
        return Problem(
            CONDITION, "CONDITION_INVALID", f"{_shown(values[CONDITION])} is not a condition such as N, R or U"
        )
    if not platform and (values[PLATFORM] or values[SKU]):
        told = "is not Amazon, Ecwid, Zoho, or an account such as MEKONG_eBay"
        return Problem(PLATFORM, "PLATFORM_UNKNOWN", f"{_shown(values[PLATFORM])} {told}")
    return None


def _shown(text: str) -> str:
    return repr(text[:40]) if text else "an empty cell"


def _color(text: str) -> str:
    """The colour's code; of two tones such as WH/GY the first letters of both."""
    code = text.upper()
    tones = _TWO_TONE.fullmatch(code)
    return tones.group(1) + tones.group(2) if tones else code


def color_name(code: str, notes: Sequence[str]) -> str:
    """What a colour that the registry does not know is called there."""
    for note in notes:
        if note.startswith(f"{COLOR}: ") and note.endswith(f" became {code}"):
            tones = note.removeprefix(f"{COLOR}: ").removesuffix(f" became {code}").upper()
            return "/".join(_COLOR_NAMES.get(tone, tone) for tone in tones.split("/"))
    return _COLOR_NAMES.get(code, code)


_COLOR_NAMES = {
    "WH": "White",
    "GY": "Gray",
    "CH": "Charcoal",
    "OR": "Orange",
    "NV": "Navy",
    "CR": "Cream",
    "BG": "Beige",
    "MI": "Mint",
    "PR": "Purple",
}


def _platform(text: str) -> tuple[str, str]:
    """The platform and the account: `MEKONG_eBay` is account MEKONG on EBAY, `Amazon` the one account there."""
    account, separator, name = text.rpartition("_")
    platform = _PLATFORMS.get(name.lower(), "")
    if separator and not _ACCOUNT.fullmatch(account):
        return "", ""
    return platform, account.upper()


def split_included(text: str) -> list[str]:
    """The names in a list of included products, in order."""
    return [name for name in (part.strip() for part in text.split(",")) if name]
