"""Protos to the domain and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from google.type.money_pb2 import Money
from usav.sync.v1 import channel_pb2, listing_pb2

from chassis.errors import InvalidArgument
from sync_svc.convert import channels, common, listings


def _struct(value: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(value)
    return made


def test_price_goes_there_and_back() -> None:
    message = common.price_to_proto(Decimal("12.34"), "USD")
    assert common.price_from_proto(message, "price") == (Decimal("12.34"), "USD")
    assert common.price_from_proto(None, "price") == (None, "USD")


@pytest.mark.parametrize(
    "value",
    [
        Money(units=-1),
        Money(nanos=-10_000_000),
        Money(units=10**13),
        Money(nanos=1),
        Money(units=1, currency_code="dollars"),
        Money(units=1, nanos=2_000_000_000),
    ],
)
def test_what_is_no_price_is_refused(value: Money) -> None:
    with pytest.raises(InvalidArgument):
        common.price_from_proto(value, "price")


def test_object_keeps_whole_numbers_whole() -> None:
    assert common.object_from_proto(_struct({"a": 1, "b": [1.5, 2]}), "options") == {"a": 1, "b": [1.5, 2]}


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": float("inf")}, {"a": "x" * 20_000}, {"a": "b\0c"}])
def test_object_the_database_cannot_keep_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        common.object_from_proto(_struct(value), "options")


def test_unset_price_in_the_mask_clears_it() -> None:
    changed = listings.listing_changes(listing_pb2.Listing(id=1), FieldMask(paths=["price", "name", "external_id"]))
    assert changed == {"price": None, "currency": "USD", "name": "", "external_id": None}


def test_populated_fields_are_changed_without_a_mask() -> None:
    message = listing_pb2.Listing(id=1, name="New", etag="x", status=listing_pb2.Listing.SYNCED)
    assert listings.listing_changes(message, FieldMask()) == {"name": "New"}


def test_rules_change_only_where_they_are_set() -> None:
    message = channel_pb2.Channel(id=1, rules=channel_pb2.Channel.Rules(buffer_units=0, price_factor="1.25"))
    assert channels.channel_changes(message, FieldMask()) == {"buffer_units": 0, "price_factor": Decimal("1.25")}
