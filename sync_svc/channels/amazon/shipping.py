"""Parcels as Amazon has them: "packages" under a reference of ours, so that telling one again only edits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.amazon.orders import order_of
from sync_svc.channels.base import ChannelError, Outcome, Parcel, Told
from sync_svc.channels.codec import objects_of
from sync_svc.channels.parcels import is_cancelled, known_carrier, no_such_order, same_number, shipped_before

UNTRACKED = "tracking_missing"
_OTHER = "Other"


async def tell_parcel(client: AmazonClient, parcel: Parcel, marketplace_id: str) -> Told:
    """See `Channel.ship`. One read and one write, or only the read when Amazon knows it already."""
    if not parcel.tracking_number:
        text = "Amazon takes no shipment without carrier and tracking number."
        raise ChannelError(Outcome.PERMANENT, text, code=UNTRACKED)
    body = await client.get_order(parcel.external_order_id, with_packages=True)
    order = order_of(body)
    if order is None:
        raise no_such_order(parcel)
    reference = str(parcel.shipment_id)
    packages = objects_of(body, "packages")
    own = next((package for package in packages if str(package.get("packageReferenceId")) == reference), None)
    if own is not None and _is_as_told(own, parcel):
        return Told(reference)
    if order.cancelled:
        raise is_cancelled(parcel)
    if own is None and (before := shipped_before(parcel, {one.line_id: one.shipped_quantity for one in order.lines})):
        return before
    await client.confirm_shipment(parcel.external_order_id, confirmation_of(parcel, marketplace_id))
    return Told(reference)


def confirmation_of(parcel: Parcel, marketplace_id: str) -> dict[str, Any]:
    """The confirmation of one package."""
    carrier = known_carrier(parcel.carrier)
    detail: dict[str, Any] = {
        "packageReferenceId": str(parcel.shipment_id),
        "carrierCode": carrier or _OTHER,
        "trackingNumber": parcel.tracking_number,
        "shipDate": parcel.shipped_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "orderItems": [{"orderItemId": line.line_id, "quantity": line.quantity} for line in parcel.lines],
    }
    if not carrier:
        detail["carrierName"] = parcel.carrier or _OTHER
    return {"marketplaceId": marketplace_id, "packageDetail": detail}


def _is_as_told(package: Mapping[str, Any], parcel: Parcel) -> bool:
    units: Counter[str] = Counter()
    for item in objects_of(package, "packageItems"):
        quantity = item.get("quantity")
        units[str(item.get("orderItemId", ""))] += quantity if isinstance(quantity, int) else 0
    is_same = same_number(package.get("trackingNumber"), parcel.tracking_number)
    return is_same and units == {line.line_id: line.quantity for line in parcel.lines}
