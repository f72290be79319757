"""What the connectors share about parcels: carriers' names, and whether somebody else has shipped the goods before. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sync_svc.channels.base import ChannelError, Outcome, Parcel, Told

GONE = "shipped_already"
CANCELLED = "order_cancelled"
ORDER_UNKNOWN = "order_unknown"
_NO_LETTER = re.compile(r"[^a-z0-9]")
# As the platforms' lists of carriers have them in common; other names go out as they were given.
_KNOWN = {
    "usps": "USPS",
    "ups": "UPS",
    "fedex": "FedEx",
    "dhl": "DHL",
    "dhlexpress": "DHL",
    "ontrac": "OnTrac",
    "lasership": "LaserShip",
}


def known_carrier(carrier: str) -> str:
    """A carrier's name as the platforms write it, from what a person wrote; empty when they have none in common."""
    return _KNOWN.get(_NO_LETTER.sub("", carrier.lower()), "")


def same_number(one: object, other: str) -> bool:
    """Whether two tracking numbers are the same but for spaces, hyphens and case."""
    return _bare(str(one or "")) == _bare(other)


def _bare(number: str) -> str:
    return _NO_LETTER.sub("", number.lower())


def shipped_before(parcel: Parcel, shipped: Mapping[str, int]) -> Told | None:
    """The answer for a parcel whose units were all told shipped by somebody else; None while all of them are left to ship.

    `shipped` is units per line, this parcel's not counted. Raises ChannelError when only some of them are left: what is in
    the parcel and what the platform was told do not fit, which a person must sort out.
    """
    short = [line for line in parcel.lines if line.ordered - shipped.get(line.line_id, 0) < line.quantity]
    if not short:
        return None
    if len(short) == len(parcel.lines):
        return Told(by_another=True, message="The platform was told of it before, not by the hub.")
    words = ", ".join(f"{max(0, one.ordered - shipped.get(one.line_id, 0))} of line {one.line_id}" for one in short)
    raise ChannelError(Outcome.PERMANENT, f"The platform has only {words} left to be shipped.", code=GONE)


def no_such_order(parcel: Parcel) -> ChannelError:
    """The platform does not know the order."""
    return ChannelError(Outcome.PERMANENT, f"The platform has no order {parcel.external_order_id}.", code=ORDER_UNKNOWN)


def is_cancelled(parcel: Parcel) -> ChannelError:
    """The order was cancelled, so nothing of it may be shipped."""
    text = f"Order {parcel.external_order_id} is cancelled on its platform. Do not send the parcel, or call it back."
    return ChannelError(Outcome.PERMANENT, text, code=CANCELLED)
