"""Parcels as Zoho has them: a package of an order, then a shipment of the package. Each carries a number of ours, by which it
is found again, as sending either twice would make a second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sync_svc.channels.base import ChannelError, Outcome, Parcel, Told
from sync_svc.channels.codec import objects_of
from sync_svc.channels.parcels import is_cancelled, known_carrier, no_such_order, shipped_before
from sync_svc.channels.zoho import errors
from sync_svc.channels.zoho.adjustments import EARLIEST_ZONE
from sync_svc.channels.zoho.client import ZohoClient
from sync_svc.channels.zoho.mapping import text_id, whole
from sync_svc.channels.zoho.orders import order_of

# Zoho wants both; a parcel that nobody can track says so.
_UNTRACKED = "untracked"
_OTHER = "Other"
_IN_THE_HOUSE = frozenset({"not_shipped", "not shipped", ""})


async def tell_parcel(client: ZohoClient, parcel: Parcel) -> Told:
    """See `Channel.ship`. One read and up to two writes."""
    order_id = text_id(parcel.external_order_id)
    body = await client.get_order(order_id) if order_id else None
    order = order_of(body, {}) if body is not None else None
    if body is None or order is None:
        raise no_such_order(parcel)
    package = next(
        (one for one in objects_of(body, "packages") if one.get("package_number") == number_of(parcel)), None
    )
    if package is None:
        if order.cancelled:
            raise is_cancelled(parcel)
        if before := shipped_before(parcel, _units(body, "quantity_shipped")):
            return before
        _check_not_packed(parcel, body)
        package = await _unsure(client.create_package(order_id, package_of(parcel, _day(parcel, body))))
    package_id = text_id(package.get("package_id"))
    if str(package.get("status") or "").casefold() in _IN_THE_HOUSE:
        await _unsure(client.create_shipment(order_id, package_id, shipment_of(parcel, _day(parcel, body))))
    return Told(package_id)


def number_of(parcel: Parcel) -> str:
    """The number of a parcel's package and of its shipment."""
    return f"HUB-{parcel.shipment_id}"


def package_of(parcel: Parcel, day: str) -> dict[str, Any]:
    """The package to create."""
    lines = [{"so_line_item_id": line.line_id, "quantity": line.quantity} for line in parcel.lines]
    return {"package_number": number_of(parcel), "date": day, "line_items": lines}


def shipment_of(parcel: Parcel, day: str) -> dict[str, Any]:
    """The shipment to create."""
    return {
        "shipment_number": number_of(parcel),
        "date": day,
        "delivery_method": known_carrier(parcel.carrier) or parcel.carrier or _OTHER,
        "tracking_number": parcel.tracking_number or _UNTRACKED,
    }


def _check_not_packed(parcel: Parcel, body: Mapping[str, Any]) -> None:
    """Raises ChannelError when a person has packed the goods in Zoho and not shipped them yet."""
    packed = _units(body, "quantity_packed")
    if any(line.ordered - packed.get(line.line_id, 0) < line.quantity for line in parcel.lines):
        text = "It is packed in Zoho and not shipped there: ship that package in Zoho, or delete it, and try again."
        raise ChannelError(Outcome.PERMANENT, text, code="packed_already")


async def _unsure(sending: Any) -> Mapping[str, Any]:
    """What a write made; trouble of Zoho's own may have come after it was made, so the next try looks for it."""
    try:
        made: Mapping[str, Any] = await sending
    except ChannelError as error:
        if errors.may_have_counted(error):
            raise ChannelError(Outcome.UNKNOWN, error.message, code=error.code) from error
        raise
    return made


def _units(body: Mapping[str, Any], name: str) -> dict[str, int]:
    return {text_id(line.get("line_item_id")): whole(line.get(name)) or 0 for line in objects_of(body, "line_items")}


def _day(parcel: Parcel, order: Mapping[str, Any]) -> str:
    """The parcel's day, not before the order's. Dates are the organization's; one that is not after today anywhere is never in
    the future."""
    day = (parcel.shipped_at.astimezone(UTC) + EARLIEST_ZONE).date().isoformat()
    ordered = order.get("date")
    return max(day, ordered) if isinstance(ordered, str) and len(ordered) == len(day) else day
