"""Money, times and texts, which every other conversion uses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from chassis.errors import InvalidArgument
from inventory_svc.domain.money import DEFAULT_CURRENCY, MAX_AMOUNT, Money

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 1_000_000_000
# Four decimals are kept.
_STEP_NANOS = 100_000


def to_timestamp(moment: datetime) -> Timestamp:
    """The moment as a proto; building it by hand costs half of FromDatetime."""
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def to_moment(timestamp: Timestamp, field: str) -> datetime:
    """The moment of a request's field. Raises InvalidArgument outside the years 1 to 9999."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument.of(field, "must be a time between the years 1 and 9999") from None


def to_timedelta(duration: Duration) -> timedelta:
    """The duration; its range is the request's rule to check."""
    return timedelta(seconds=duration.seconds, microseconds=duration.nanos // 1_000)


def to_money_message(value: Money) -> MoneyMessage:
    """The amount as a proto, exactly."""
    units = int(value.amount)
    nanos = int((value.amount - units) * _NANOS)
    return MoneyMessage(currency_code=value.currency, units=units, nanos=nanos)


def to_money(message: MoneyMessage, field: str) -> Money:
    """The amount of a request's field; without a currency it is USD. Raises InvalidArgument."""
    currency = message.currency_code or DEFAULT_CURRENCY
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise InvalidArgument.of(f"{field}.currency_code", "must be three capital letters, such as USD")
    if message.units < 0 or message.nanos < 0:
        raise InvalidArgument.of(field, "must not be negative")
    if message.nanos >= _NANOS or message.nanos % _STEP_NANOS:
        raise InvalidArgument.of(f"{field}.nanos", "must be below 1,000,000,000 and have at most four decimals")
    amount = Decimal(message.units) + Decimal(message.nanos) / _NANOS
    if amount > MAX_AMOUNT:
        raise InvalidArgument.of(field, f"must be at most {MAX_AMOUNT}")
    return Money(amount, currency)
