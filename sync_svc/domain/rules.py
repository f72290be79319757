"""The rules of a channel, and what a listing has of its own instead. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from sync_svc.domain.schedule import Schedule

_CENT = Decimal("0.01")


class Rounding(StrEnum):
    """How a price that was multiplied is rounded. All but CENT round up."""

    CENT = "CENT"
    WHOLE = "WHOLE"
    ENDING_99 = "ENDING_99"
    ENDING_95 = "ENDING_95"


_ENDINGS = {Rounding.WHOLE: Decimal(0), Rounding.ENDING_99: Decimal("0.99"), Rounding.ENDING_95: Decimal("0.95")}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a channel shows of what there is, and when."""

    buffer_units: int = 0
    cap_units: int = 0
    """0 is no limit."""
    price_factor: Decimal = Decimal(1)
    zero_when_paused: bool = True
    poll_interval_s: int = 60
    price_rounding: Rounding = Rounding.CENT
    price_floor: Decimal = Decimal(0)
    """0 is none."""
    auto_list: bool = False
    mend_drift: bool = True
    reconcile_interval_s: int = 86_400
    """0 is never by itself."""
    schedule: Schedule = field(default_factory=Schedule)


QUANTITY_RULES = frozenset({"buffer_units", "cap_units", "zero_when_paused"})
PRICE_RULES = frozenset({"price_factor", "price_rounding", "price_floor"})
"""They touch the listings that have no price of their own."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What one listing has instead of its channel's rules; None leaves the channel's."""

    buffer_units: int | None = None
    cap_units: int | None = None
    price_factor: Decimal | None = None
    price_rounding: Rounding | None = None
    price_floor: Decimal | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Overrides:
        """As they are stored."""
        return cls(**{name: _KINDS[name](value) for name, value in values.items()})

    def as_json(self) -> dict[str, Any]:
        """What is set, amounts as text."""
        return {
            name: value if isinstance(value, int) else str(value)
            for name in _KINDS
            if (value := self.get(name)) is not None
        }

    def get(self, name: str) -> Any:
        """One of them, by name."""
        return getattr(self, name)

    def over(self, rules: Rules) -> Rules:
        """The channel's rules with these in their place."""
        changed = {name: value for name in _KINDS if (value := self.get(name)) is not None}
        return replace(rules, **changed) if changed else rules


NO_OVERRIDES = Overrides()

_KINDS: Mapping[str, Any] = {
    "buffer_units": int,
    "cap_units": int,
    "price_factor": Decimal,
    "price_rounding": Rounding,
    "price_floor": Decimal,
}


def rounded(price: Decimal, rounding: Rounding) -> Decimal:
    """A price in whole cents: to the nearest, or up to the next one that ends as wanted."""
    ending = _ENDINGS.get(rounding)
    if ending is None:
        return price.quantize(_CENT, rounding=ROUND_HALF_UP)
    return ((price - ending).to_integral_value(rounding=ROUND_CEILING) + ending).max(ending).quantize(_CENT)
