"""Patches of attributes as Amazon's operations define them, and what is wrong with values."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.amazon.attributes import check_patches, malformed, missing, patched
from sandbox.wire import Refused

_STOCK = {"fulfillment_channel_code": "DEFAULT", "quantity": 3, "lead_time_to_ship_max_days": 2}
_OTHER = {"fulfillment_channel_code": "AMAZON_NA"}


def _patch(op: str, *value: dict[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {"op": op, "path": "/attributes/fulfillment_availability"}
    return {**patch, "value": list(value)} if value else patch


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (_patch("merge", {"fulfillment_channel_code": "DEFAULT", "quantity": 1}), [{**_STOCK, "quantity": 1}, _OTHER]),
        (
            _patch("merge", {"fulfillment_channel_code": "AMAZON_EU"}),
            [_STOCK, _OTHER, {"fulfillment_channel_code": "AMAZON_EU"}],
        ),
        (_patch("replace", {"fulfillment_channel_code": "DEFAULT"}), [{"fulfillment_channel_code": "DEFAULT"}]),
        (_patch("add", _OTHER), [_OTHER]),
        (_patch("delete", _OTHER), [_STOCK]),
        (_patch("delete"), None),
    ],
)
def test_operations(patch: dict[str, Any], expected: list[Any] | None) -> None:
    before = {"fulfillment_availability": [_STOCK, _OTHER], "item_name": [{"value": "x"}]}
    after = patched(before, [patch])
    assert after.get("fulfillment_availability") == expected
    assert after["item_name"] == [{"value": "x"}]
    assert before["fulfillment_availability"] == [_STOCK, _OTHER], "what was there is left alone"


def test_merge_makes_what_is_not_there() -> None:
    assert patched({}, [_patch("merge", _STOCK)]) == {"fulfillment_availability": [_STOCK]}


@pytest.mark.parametrize("path", ["/attributes/a/b", "/attributes/", "/summaries", "attributes/a", 3, None])
def test_only_attributes_as_a_whole_can_be_patched(path: object) -> None:
    with pytest.raises(Refused):
        check_patches([{"op": "replace", "path": path, "value": []}])


@pytest.mark.parametrize(
    ("requirements", "names"),
    [("LISTING", ["item_name"]), ("LISTING_OFFER_ONLY", ["merchant_suggested_asin", "condition_type"])],
)
def test_requirements_differ_in_what_is_missing(requirements: str, names: list[str]) -> None:
    found = missing({}, requirements, strict=False)
    assert [issue["attributeNames"] for issue in found] == [[name] for name in names]


def test_strict_requirements_are_more() -> None:
    assert len(missing({}, "LISTING", strict=True)) > 3


@pytest.mark.parametrize("quantity", [True, -1, 1.5, "1", None, 10**9])
def test_quantity_is_a_whole_number_from_zero(quantity: object) -> None:
    entry = {"fulfillment_channel_code": "DEFAULT", "quantity": quantity}
    assert [issue["code"] for issue in malformed({"fulfillment_availability": [entry]})] == ["90225"]
