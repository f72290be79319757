"""Parcels as Ecwid has them: a status of the whole order and one field for tracking numbers, both set absolutely.

An order of several parcels is "processing" with the numbers so far, and shipped with the last of them. The hub sends an order's
parcels one after the other, so the field can be read and written anew.
"""

from __future__ import annotations

from urllib.parse import quote

from sync_svc.channels.base import ChannelError, Parcel, Told
from sync_svc.channels.codec import fields_of
from sync_svc.channels.ecwid import mapping
from sync_svc.channels.ecwid.client import EcwidClient, Request
from sync_svc.channels.ecwid.orders import SHIPPED, order_of
from sync_svc.channels.parcels import is_cancelled, no_such_order, same_number

_SEPARATOR = ", "


async def tell_parcel(client: EcwidClient, parcel: Parcel) -> Told:
    """See `Channel.ship`. One read and one write, or only the read when Ecwid knows it already."""
    path = f"/orders/{quote(parcel.external_order_id, safe='')}"
    try:
        body = fields_of((await client.send(Request("GET", path))).body)
    except ChannelError as error:
        if error.code == mapping.NOT_FOUND:
            raise no_such_order(parcel) from error
        raise
    order = order_of(body)
    if order is None:
        raise no_such_order(parcel)
    if order.cancelled:
        raise is_cancelled(parcel)
    status, numbers = str(body.get("fulfillmentStatus", "")), _numbers(str(body.get("trackingNumber") or ""))
    is_told = not parcel.tracking_number or any(same_number(one, parcel.tracking_number) for one in numbers)
    if status in SHIPPED and (is_told or numbers):
        message = (
            "" if is_told else f"The store has it as shipped with {_SEPARATOR.join(numbers)}, not told by the hub."
        )
        return Told(by_another=not is_told, message=message)
    wanted = status if status in SHIPPED else "SHIPPED" if parcel.is_last else "PROCESSING"
    if not (is_told and status == wanted):
        numbers = numbers if is_told else [*numbers, parcel.tracking_number]
        changes = {"fulfillmentStatus": wanted, "trackingNumber": _SEPARATOR.join(numbers)}
        await client.send(Request("PUT", path, changes))
    return Told()


def _numbers(field: str) -> list[str]:
    return [number.strip() for number in field.split(",") if number.strip()]
