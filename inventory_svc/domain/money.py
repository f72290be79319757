"""Amounts of money: exact decimals with a currency, four decimals at most. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

DEFAULT_CURRENCY = "USD"
MAX_AMOUNT = Decimal("9999999999.9999")
STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that is not negative, in one currency."""

    amount: Decimal
    currency: str = DEFAULT_CURRENCY
