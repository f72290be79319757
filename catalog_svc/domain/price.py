"""Prices: a whole number of cents, not negative, with a currency."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from catalog_svc.domain.errors import PriceInvalid, invalid

DEFAULT_CURRENCY = "USD"
_LARGEST_UNITS = 10**12 - 1
_NANOS = 10**9
_NANOS_PER_CENT = 10**7
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in hundredths of a currency of ISO 4217."""

    cents: int
    currency: str = DEFAULT_CURRENCY


def price_of(units: int, nanos: int, currency: str, field: str) -> Price:
    """Builds a price from whole units and billionths. Raises PriceInvalid naming `field`."""
    if not (0 <= units <= _LARGEST_UNITS and 0 <= nanos < _NANOS):
        raise invalid(PriceInvalid, field, "must not be negative, and below 10^12")
    if nanos % _NANOS_PER_CENT:
        raise invalid(PriceInvalid, field, "takes whole cents: nanos is a multiple of 10000000")
    code = currency.strip().upper() or DEFAULT_CURRENCY
    if not _CURRENCY.fullmatch(code):
        raise invalid(PriceInvalid, f"{field}.currency_code", "takes three letters, such as USD")
    return Price(units * 100 + nanos // _NANOS_PER_CENT, code)


def units_and_nanos(cents: int) -> tuple[int, int]:
    """The amount as whole units and billionths."""
    return cents // 100, cents % 100 * _NANOS_PER_CENT


def price_columns(price: Price | None) -> dict[str, Decimal | str | None]:
    """The columns a price is stored in."""
    if price is None:
        return {"price_amount": None, "price_currency": None}
    return {"price_amount": Decimal(price.cents).scaleb(-2), "price_currency": price.currency}
