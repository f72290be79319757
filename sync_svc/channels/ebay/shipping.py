"""Parcels as eBay has them: one "shipping fulfillment" each, which a repeat would make twice, so they are listed first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sync_svc.channels.base import Parcel, Told
from sync_svc.channels.codec import objects_of
from sync_svc.channels.ebay.client import EbayClient
from sync_svc.channels.ebay.orders import order_of
from sync_svc.channels.parcels import is_cancelled, known_carrier, no_such_order, same_number, shipped_before

# eBay takes letters and digits only, in tracking numbers as in carriers' names.
_NOT_TAKEN = re.compile(r"[^A-Za-z0-9]")


async def tell_parcel(client: EbayClient, parcel: Parcel) -> Told:
    """See `Channel.ship`. Two reads and one write, or only the reads when eBay knows it already."""
    order = order_of(await client.get_order(parcel.external_order_id))
    if order is None:
        raise no_such_order(parcel)
    known = await client.get_fulfillments(parcel.external_order_id)
    for fulfillment in known:
        if _is_this(fulfillment, parcel):
            return Told(str(fulfillment.get("fulfillmentId", "")))
    if order.cancelled:
        raise is_cancelled(parcel)
    if before := shipped_before(parcel, _shipped(known)):
        return before
    return Told(await client.create_fulfillment(parcel.external_order_id, fulfillment_of(parcel)))


def fulfillment_of(parcel: Parcel) -> dict[str, Any]:
    """The fulfillment to create. Carrier and number need each other."""
    body: dict[str, Any] = {
        "lineItems": [{"lineItemId": line.line_id, "quantity": line.quantity} for line in parcel.lines],
        "shippedDate": _shipped_date(parcel),
    }
    if parcel.tracking_number:
        carrier = known_carrier(parcel.carrier) or _NOT_TAKEN.sub("", parcel.carrier) or "Other"
        body |= {"shippingCarrierCode": carrier, "trackingNumber": _NOT_TAKEN.sub("", parcel.tracking_number)}
    return body


def _is_this(fulfillment: Mapping[str, Any], parcel: Parcel) -> bool:
    """Whether a fulfillment is of this parcel: the same number, or without one the same moment, and the same lines."""
    number = fulfillment.get("shipmentTrackingNumber")
    is_same = same_number(number, parcel.tracking_number)
    if not parcel.tracking_number:
        is_same = not number and fulfillment.get("shippedDate") == _shipped_date(parcel)
    return is_same and _shipped([fulfillment]) == {line.line_id: line.quantity for line in parcel.lines}


def _shipped(fulfillments: list[Mapping[str, Any]]) -> Counter[str]:
    """Units per line in all of these."""
    units: Counter[str] = Counter()
    for fulfillment in fulfillments:
        for line in objects_of(fulfillment, "lineItems"):
            quantity = line.get("quantity", 1)
            units[str(line.get("lineItemId", ""))] += quantity if isinstance(quantity, int) else 1
    return units


def _shipped_date(parcel: Parcel) -> str:
    return parcel.shipped_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
