"""Which status allows what."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from inventory_svc.domain.errors import HeldForAnother, StatusForbids
from inventory_svc.domain.item import RULES, Action, Hold, Item, Status, allowed_moves, check, check_release, check_sell
from inventory_svc.migrations.versions import __name__ as versions

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOLD = Hold(7, "ORDER-1", "ann", "Ann", NOON, NOON)


def unit(status: Status, **fields: Any) -> Item:
    values: dict[str, Any] = {
        "id": 5, "variant_id": 1, "sku": "T-1", "serial_number": "", "location": "", "unit_cost": None, "notes": "",
        "hold": HOLD if status is Status.RESERVED else None, "order_reference": "", "sale_price": None,
        "received_at": NOON, "sold_at": None, "updated_at": NOON, "version": 1,
    }  # fmt: skip
    return Item(**{**values, "status": status, **fields})


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", RULES)
def test_status_allows_what_the_table_says_and_names_itself_otherwise(status: Status, action: Action) -> None:
    if status in RULES[action].before:
        check(unit(status), action)
        return
    with pytest.raises(StatusForbids) as caught:
        check(unit(status), action)
    assert caught.value.metadata == {"item_id": "5", "status": status.value, "action": action.value}
    assert status.value in caught.value.message


def test_database_guards_the_same_moves_as_the_domain() -> None:
    guard = import_module(f"{versions}.0005_after_sale").GUARD
    for before in Status:
        for after in Status:
            assert (f"('{before.value}', '{after.value}')" in guard) == ((before, after) in allowed_moves())


@pytest.mark.parametrize("order", ["", "ORDER-1"])
def test_hold_is_released_without_its_order_or_with_it(order: str) -> None:
    check_release(unit(Status.RESERVED), order)


def test_hold_is_not_released_under_another_order() -> None:
    with pytest.raises(HeldForAnother) as caught:
        check_release(unit(Status.RESERVED), "ORDER-2")
    assert "ORDER-1" in caught.value.message


@pytest.mark.parametrize(("order", "seller"), [("", "ann"), ("ORDER-2", "ann"), ("ORDER-1", "bob")])
def test_held_unit_sells_to_its_holder_or_under_its_order(order: str, seller: str) -> None:
    check_sell(unit(Status.RESERVED), order, seller)


@pytest.mark.parametrize("order", ["", "ORDER-2"])
def test_held_unit_does_not_sell_to_others(order: str) -> None:
    with pytest.raises(HeldForAnother):
        check_sell(unit(Status.RESERVED), order, "bob")


def test_hold_without_an_order_is_not_opened_by_an_empty_one() -> None:
    without = Hold(7, "", "ann", "Ann", NOON, NOON)
    with pytest.raises(HeldForAnother):
        check_sell(unit(Status.RESERVED, hold=without), "", "bob")
