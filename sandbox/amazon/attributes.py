"""Attributes of a listings item: what patches make of them, and what is wrong with them. Nothing here is kept."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from sandbox.amazon.errors import invalid_input
from sandbox.wire import Json

REQUIREMENTS = ("LISTING", "LISTING_PRODUCT_ONLY", "LISTING_OFFER_ONLY")
CONDITIONS = (
    *("new_new", "new_open_box", "new_oem", "refurbished_refurbished", "club_club"),
    *(f"used_{grade}" for grade in ("like_new", "very_good", "good", "acceptable")),
    *(f"collectible_{grade}" for grade in ("like_new", "very_good", "good", "acceptable")),
)
_OPERATIONS = {"add", "replace", "merge", "delete"}
_SELECTORS = ("marketplace_id", "fulfillment_channel_code", "language_tag", "audience")
_PREFIX = "/attributes/"
_NEEDED = {
    "LISTING": ("item_name",),
    "LISTING_PRODUCT_ONLY": ("item_name",),
    "LISTING_OFFER_ONLY": ("merchant_suggested_asin", "condition_type"),
}
_NEEDED_STRICTLY = ("brand", "product_description", "condition_type", "country_of_origin")
_LONGEST_TITLE = 200
_LARGEST = 10**9


def check_patches(patches: Sequence[Json]) -> None:
    """Raises Refused for an operation or a path that cannot be: only whole attributes can be patched."""
    for patch in patches:
        name = _attribute(patch)
        if patch.get("op") not in _OPERATIONS or not name or "/" in name:
            raise invalid_input(f"The patch '{patch.get('op')}' of '{patch.get('path')}' is not supported.")
        value = patch.get("value")
        if value is None and patch["op"] == "delete":
            continue
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise invalid_input(f"The value of the patch of '{patch['path']}' must be a list of objects.")


def patched(attributes: Json, patches: Sequence[Json]) -> Json:
    """The attributes after checked patches."""
    result = copy.deepcopy(attributes)
    for patch in patches:
        name, value = _attribute(patch), copy.deepcopy(patch.get("value"))
        if patch["op"] == "merge":
            result[name] = _merged(result.get(name, []), value or [])
        elif patch["op"] != "delete":
            result[name] = value
        else:
            kept = [entry for entry in result.pop(name, []) if value and not any(_same(entry, one) for one in value)]
            result |= {name: kept} if kept else {}
    return result


def missing(attributes: Json, requirements: str, *, strict: bool) -> list[Json]:
    """An issue for every attribute that a new listing needs and does not have."""
    needed = (*_NEEDED[requirements], *(_NEEDED_STRICTLY if strict and requirements == "LISTING" else ()))
    return [
        issue("90220", f"'{name}' is required but not supplied.", "MISSING_ATTRIBUTE", name)
        for name in needed
        if not attributes.get(name)
    ]


def malformed(attributes: Json) -> list[Json]:
    """An issue for every attribute whose value cannot be."""
    shapeless = [
        name
        for name, value in attributes.items()
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value)
    ]
    if shapeless:
        return [_invalid(name, "is not a list of objects") for name in shapeless]
    return [
        _invalid(name, what)
        for name, is_good, what in _CHECKS
        for entry in attributes.get(name, [])
        if not is_good(entry)
    ]


def issue(code: str, message: str, category: str, *names: str) -> Json:
    """An issue of severity ERROR."""
    return {
        "code": code,
        "message": message,
        "severity": "ERROR",
        "attributeNames": list(names),
        "categories": [category],
    }


def _attribute(patch: Json) -> str:
    path = patch.get("path")
    return path.removeprefix(_PREFIX) if isinstance(path, str) and path.startswith(_PREFIX) else ""


def _merged(present: list[Json], given: list[Json]) -> list[Json]:
    result = list(present)
    for entry in given:
        index = next((index for index, known in enumerate(result) if _same(known, entry)), None)
        if index is None:
            result.append(entry)
        else:
            result[index] = {**result[index], **entry}
    return result


def _same(entry: Json, other: Json) -> bool:
    return all(entry[name] == other[name] for name in _SELECTORS if name in entry and name in other)


def _invalid(name: str, what: str) -> Json:
    return issue("90225", f"The value of '{name}' {what}.", "INVALID_ATTRIBUTE", name)


def _is_stock(entry: Json) -> bool:
    quantity = entry.get("quantity", 0)
    whole = isinstance(quantity, int) and not isinstance(quantity, bool)
    return isinstance(entry.get("fulfillment_channel_code"), str) and whole and 0 <= quantity < _LARGEST


def _is_offer(entry: Json) -> bool:
    try:
        value = entry["our_price"][0]["schedule"][0]["value_with_tax"]
    except (KeyError, IndexError, TypeError):
        return False
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < _LARGEST and isinstance(entry.get("currency", "USD"), str)


def _is_title(entry: Json) -> bool:
    value = entry.get("value")
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TITLE


_CHECKS = (
    ("fulfillment_availability", _is_stock, "needs a channel code and a quantity from 0"),
    ("purchasable_offer", _is_offer, "needs a price above 0"),
    ("item_name", _is_title, f"must have 1 to {_LONGEST_TITLE} characters"),
    ("condition_type", lambda entry: entry.get("value") in CONDITIONS, "is not one of the conditions"),
)
