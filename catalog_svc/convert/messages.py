"""The contract's messages, built from rows.

Times and prices are set field by field: handing datetimes to a message's constructor costs more than reading the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from usav.catalog.v1 import (
    bundle_pb2,
    family_pb2,
    identity_pb2,
    search_pb2,
    variant_pb2,
    watch_pb2,
)

from catalog_svc.domain.price import units_and_nanos
from catalog_svc.domain.row import Row
from chassis.etags import etag

_TIMES = ("created_at", "updated_at", "deleted_at")

M = TypeVar("M", bound=Message)


def set_time(target: Timestamp, when: datetime) -> None:
    """Sets a timestamp, to the microsecond."""
    target.seconds = int(when.timestamp())
    target.nanos = when.microsecond * 1000


def _set_history(message: Any, row: Row) -> None:
    set_time(message.create_time, row["created_at"])
    set_time(message.update_time, row["updated_at"])
    message.etag = etag(row["version"])


def _set_money(target: Money, cents: int, currency: str) -> None:
    target.units, target.nanos = units_and_nanos(cents)
    target.currency_code = currency


def family_message(row: Row, identities: Sequence[Row] = ()) -> family_pb2.Family:
    """A family, with its identities where they were asked for."""
    message = family_pb2.Family(
        product_id=row["product_id"],
        name=row["name"],
        description=row["description"] or "",
        brand_id=row["brand_id"],
        brand_name=row["brand_name"],
        identities=[identity_message(item) for item in identities],
    )
    _set_history(message, row)
    return message


def identity_message(row: Row, variants: Sequence[Row] = ()) -> identity_pb2.Identity:
    """An identity, with its variants where they were asked for."""
    message = identity_pb2.Identity(
        id=row["id"],
        product_id=row["product_id"],
        type=identity_pb2.Identity.Type.Value(row["type"]),
        component_index=row["component_index"],
        upis_h=row["upis_h"],
        hex_signature=row["hex_signature"],
        name=row["name"] or "",
        description=row["description"] or "",
        component_name=row["component_name"],
        variants=[variant_message(item) for item in variants],
    )
    if row["physical_class"] is not None:
        message.physical_class = identity_pb2.PhysicalClass.Code.Value(row["physical_class"])
    _set_history(message, row)
    return message


def variant_message(row: Row) -> variant_pb2.Variant:
    """A variant without its listings."""
    message = variant_pb2.Variant(
        id=row["id"],
        identity_id=row["identity_id"],
        product_id=row["product_id"],
        full_sku=row["full_sku"],
        upis_h=row["upis_h"],
        color_code=row["color_code"],
        size_code=row["size_code"],
        condition_code=row["condition_code"],
        name=row["name"] or "",
        description=row["description"] or "",
    )
    _set_history(message, row)
    cents = row["price_cents"]
    if cents is not None:
        _set_money(message.price, cents, row["price_currency"])
    deleted_at = row["deleted_at"]
    if deleted_at is not None:
        set_time(message.delete_time, deleted_at)
    return message


def component_message(row: Row) -> bundle_pb2.BundleComponent:
    """A line of a recipe."""
    message = bundle_pb2.BundleComponent(
        id=row["id"],
        parent_identity_id=row["parent_identity_id"],
        child_identity_id=row["child_identity_id"],
        quantity=row["quantity"],
        role=bundle_pb2.BundleComponent.Role.Value(row["role"]),
        parent_upis_h=row["parent_upis_h"],
        child_upis_h=row["child_upis_h"],
    )
    _set_history(message, row)
    return message


def entry_message(message: M, row: Row, fields: Sequence[str]) -> M:
    """An entry of a registry: `message` is an empty one of its type, `fields` the columns it shows as they are."""
    for name in fields:
        setattr(message, name, row[name])
    _set_history(message, row)
    return message


def search_result(row: Row) -> search_pb2.SearchResult:
    """One thing that was found."""
    return search_pb2.SearchResult(
        kind=search_pb2.SearchResult.Kind.Value(row["kind"]),
        id=row["id"],
        product_id=row["product_id"],
        code=row["code"],
        name=row["name"],
        brand_name=row["brand_name"],
        score=row["score"],
    )


def change_message(kind: str, key: str, payload: bytes) -> watch_pb2.CatalogChange:
    """A change as storage.changes wrote it."""
    told = json.loads(payload)
    change = watch_pb2.CatalogChange(
        kind=watch_pb2.CatalogChange.Kind.Value(kind),
        action=watch_pb2.CatalogChange.Action.Value(told["action"]),
        id=told["id"],
        natural_key=key,
        changed_fields=told["changed"],
    )
    if "variant" in told:
        change.variant.CopyFrom(variant_message(_with_times(told["variant"])))
    return change


def _with_times(state: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(state[name]) for name in _TIMES if state[name] is not None}
    return {**state, **times}
