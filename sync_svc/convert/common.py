"""Money, times and JSON objects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from chassis.errors import InvalidArgument
from sync_svc.upstream import amount_of, money

_MOST_JSON_CHARS = 16_384
_MOST_AMOUNT = Decimal("999999999999.99")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(at: datetime | None) -> Timestamp | None:
    """A time; None stays unset."""
    if at is None:
        return None
    # A third of what FromDatetime takes; a page of listings has hundreds.
    since = at - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def price_to_proto(price: Decimal | None, currency: str) -> Money | None:
    """A price; None stays unset."""
    return None if price is None else money(price, currency)


def price_from_proto(value: Money | None, field: str) -> tuple[Decimal | None, str]:
    """A price and its currency (USD when not told). Raises InvalidArgument for what is no price."""
    if value is None:
        return None, "USD"
    currency = value.currency_code or "USD"
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise InvalidArgument.of(f"{field}.currency_code", "takes three capital letters, as USD")
    amount = amount_of(value)
    if not 0 <= amount <= _MOST_AMOUNT or abs(value.nanos) > 999_999_999:
        raise InvalidArgument.of(field, "takes 0 to 999999999999.99")
    if amount != amount.quantize(Decimal("0.01")):
        raise InvalidArgument.of(field, "takes at most two decimal places")
    return amount, currency


def object_from_proto(value: Struct, field: str) -> dict[str, Any]:
    """A JSON object; whole numbers come as int. Raises InvalidArgument when it is too long, or holds what JSON cannot."""
    try:
        plain = _whole(json_format.MessageToDict(value))
        text = json.dumps(plain, allow_nan=False)
    except ValueError:
        raise InvalidArgument.of(field, "holds a number that JSON cannot") from None
    if len(text) > _MOST_JSON_CHARS:
        raise InvalidArgument.of(field, "takes at most 16 KiB")
    if "\\u0000" in text:
        raise InvalidArgument.of(field, "holds a NUL character")
    return dict(plain)


def object_to_proto(value: Any) -> Struct:
    """A JSON object."""
    message = Struct()
    message.update(value)
    return message


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
