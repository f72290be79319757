"""Drift: a listing that its platform does not show as the hub wants it.

Units at risk are those offered that are not there to be sold; money at risk is what they sell for, and what is lost where a
price is too low.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """One listing that is not shown as it should be."""

    listing_id: int
    generation: int
    quantity: bool
    price: bool
    state: bool
    hub_quantity: int
    live_quantity: int | None
    hub_price: Decimal | None
    live_price: Decimal | None
    live_state: str
    """LIVE, ENDED or MISSING."""
    currency: str
    units_at_risk: int
    money_at_risk: Decimal
