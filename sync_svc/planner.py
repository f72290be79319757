"""What a listing should show, from what is true now. Pure: no clock, no I/O.

Quantity = free units, less the buffer, capped; zero when the channel is paused, the listing inactive or its variant gone.
Price = the listing's own, else the variant's times the factor, rounded, at least the floor. A listing's overrides come before
its channel's rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sync_svc.channels.base import ListingPhase, ListingState, LiveListing
from sync_svc.domain.channel import ChannelState
from sync_svc.domain.drift import Difference
from sync_svc.domain.listing import LeasedListing, ListingIntent
from sync_svc.domain.rules import Rules, rounded

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What the catalog says of a variant. A variant it does not know, or has deleted, has no facts."""

    name: str
    price: Decimal | None
    currency: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is on the shelf and in the catalog, read after the lease was taken."""

    free_units: Mapping[int, int]
    variants: Mapping[int, VariantFacts]


def shown_quantity(free_units: int, rules: Rules) -> int:
    """Free units less the buffer, capped, never below zero."""
    offered = max(0, free_units - rules.buffer_units)
    return min(offered, rules.cap_units) if rules.cap_units else offered


def shown_price(own: Decimal | None, facts: VariantFacts | None, rules: Rules) -> Decimal | None:
    """The listing's own price, else the variant's by the channel's rule; None when neither has one."""
    if own is not None:
        return own
    if facts is None or facts.price is None:
        return None
    return max(rounded(facts.price * rules.price_factor, rules.price_rounding), rules.price_floor)


def plan(listing: LeasedListing, truth: Truth, rules: Rules, state: ChannelState) -> ListingState:
    """The state to push."""
    rules = listing.overrides.over(rules)
    facts = truth.variants.get(listing.variant_id)
    ended = listing.deleted or listing.intent is ListingIntent.ENDED
    offered = (
        state is ChannelState.ACTIVE and listing.intent is ListingIntent.ACTIVE and facts is not None and not ended
    )
    title = listing.name or (facts.name if facts else "") or listing.sku
    return ListingState(
        listing_id=listing.id,
        platform_sku=listing.platform_sku,
        external_ids=listing.external_ids,
        title=title,
        description=listing.description or title,
        quantity=shown_quantity(truth.free_units.get(listing.variant_id, 0), rules) if offered else 0,
        price=shown_price(listing.price, facts, rules),
        currency=listing.currency if listing.price is not None or facts is None else facts.currency,
        phase=ListingPhase.ENDED if ended else ListingPhase.LIVE,
        condition=facts.condition if facts else "",
        metadata=listing.metadata,
        content_changed=listing.content_changed,
        generation=listing.generation,
        in_doubt=listing.was_left_unknown,
    )


def is_shown_already(listing: LeasedListing, state: ListingState) -> bool:
    """Whether the last push left the platform as the state wants it, so that nothing needs to be sent."""
    return (
        not listing.content_changed
        and not listing.was_left_unknown
        and listing.shown_is_sure
        and listing.pushed_quantity == state.quantity
        and state.price in (None, listing.pushed_price)
    )


def is_live_as_wanted(state: ListingState, live: LiveListing) -> bool:
    """Whether the platform, as read back, shows what the state wants."""
    if state.phase is ListingPhase.ENDED:
        return not live.exists or live.phase is ListingPhase.ENDED
    return (
        live.exists
        and live.phase is ListingPhase.LIVE
        and live.quantity == state.quantity
        and state.price in (None, live.price)
    )


def in_order_of_urgency(states: Sequence[ListingState]) -> list[ListingState]:
    """What must not be sold any more comes first."""
    return sorted(states, key=lambda state: (state.quantity > 0, state.listing_id))


def difference(wanted: ListingState, live: LiveListing) -> Difference | None:
    """How a listing that should be live differs; None when it does not, or when nothing is offered and nothing is there."""
    is_live = live.exists and live.phase is ListingPhase.LIVE
    state = not is_live and wanted.quantity > 0
    quantity = is_live and live.quantity is not None and live.quantity != wanted.quantity
    price = is_live and None not in (wanted.price, live.price) and live.price != wanted.price
    if not (state or quantity or price):
        return None
    units = max(0, (live.quantity or 0) - wanted.quantity) if is_live else 0
    return Difference(
        listing_id=wanted.listing_id,
        generation=wanted.generation,
        quantity=quantity,
        price=price,
        state=state,
        hub_quantity=wanted.quantity,
        live_quantity=live.quantity if live.exists else None,
        hub_price=wanted.price,
        live_price=live.price if live.exists else None,
        live_state=live.phase.value if live.exists else "MISSING",
        currency=wanted.currency,
        units_at_risk=units,
        money_at_risk=_money(wanted, live, units) if is_live else _NOTHING,
    )


def _money(wanted: ListingState, live: LiveListing, units: int) -> Decimal:
    """What the units that are not there sell for, and the shortfall of those that are."""
    shown = live.price if live.price is not None else wanted.price
    if shown is None:
        return _NOTHING
    offered = max(0, min(live.quantity or 0, wanted.quantity))
    shortfall = max(_NOTHING, (wanted.price or shown) - shown)
    return shown * units + shortfall * offered
