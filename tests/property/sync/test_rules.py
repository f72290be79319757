"""Prices and quantities under any rules."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sync_svc.domain.rules import Overrides, Rounding, Rules, rounded
from sync_svc.planner import VariantFacts, shown_price, shown_quantity

prices = st.decimals(0, 100_000, places=2)
factors = st.decimals("0.0001", 100, places=4)
roundings = st.sampled_from(Rounding)
rules = st.builds(
    Rules,
    buffer_units=st.integers(0, 1000),
    cap_units=st.integers(0, 1000),
    price_factor=factors,
    price_rounding=roundings,
    price_floor=prices,
)
overrides = st.builds(
    Overrides,
    buffer_units=st.none() | st.integers(0, 1000),
    cap_units=st.none() | st.integers(0, 1000),
    price_factor=st.none() | factors,
    price_rounding=st.none() | roundings,
    price_floor=st.none() | prices,
)
_ENDS = {Rounding.WHOLE: "00", Rounding.ENDING_99: "99", Rounding.ENDING_95: "95"}


@given(prices, factors, roundings)
def test_rounding_ends_as_wanted_and_goes_up_by_less_than_one(
    price: Decimal, factor: Decimal, rounding: Rounding
) -> None:
    exact = price * factor
    shown = rounded(exact, rounding)
    assert shown == shown.quantize(Decimal("0.01"))
    if rounding is Rounding.CENT:
        assert abs(shown - exact) <= Decimal("0.005")
    else:
        assert exact <= shown < exact + 1
        assert f"{shown:.2f}".endswith(_ENDS[rounding])


@given(prices, prices, rules)
def test_dearer_variant_is_never_shown_cheaper(one: Decimal, other: Decimal, given_rules: Rules) -> None:
    low, high = sorted((one, other))
    shown = [shown_price(None, VariantFacts("", price, "USD"), given_rules) for price in (low, high)]
    assert shown[0] is not None
    assert shown[1] is not None
    assert given_rules.price_floor <= shown[0] <= shown[1]


@given(prices, st.none() | prices, rules)
def test_own_price_is_shown_as_it_is(own: Decimal, variants: Decimal | None, given_rules: Rules) -> None:
    assert shown_price(own, VariantFacts("", variants, "USD"), given_rules) == own


@given(st.integers(0, 5000), rules, overrides)
def test_overrides_come_before_rules_and_never_show_what_is_not_there(
    free: int, given_rules: Rules, own: Overrides
) -> None:
    effective = own.over(given_rules)
    assert 0 <= shown_quantity(free, effective) <= free
    for name in ("buffer_units", "cap_units", "price_factor", "price_rounding", "price_floor"):
        wanted = own.get(name)
        assert getattr(effective, name) == (getattr(given_rules, name) if wanted is None else wanted)


@given(overrides)
def test_overrides_survive_their_storage(own: Overrides) -> None:
    assert Overrides.from_json(own.as_json()) == own
