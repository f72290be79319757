"""What becomes of the listings of one push: what need not be sent, what was refused, what nobody knows. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sync_svc.channels.base import (
    OVER_QUOTA,
    ChannelError,
    ListingPhase,
    ListingState,
    LiveListing,
    Outcome,
    PushResult,
)
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.listing import LeasedListing
from sync_svc.planner import is_live_as_wanted, is_shown_already
from sync_svc.storage.leases import Lease, Recorded

POSTPONED = "POSTPONED"
"""How a listing ends that the quota has no room for yet: no error and no attempt, it keeps its place and is due again soon."""
_POSTPONED_S = 1.0
# A longer wait, as for the end of a day's budget, is worth telling.
_MOST_POSTPONED_S = 60.0
_MESSAGE_CHARS = 1000
_CODE_CHARS = 100


@dataclass(frozen=True, slots=True)
class Job:
    """The listings of one lease with what each should show."""

    lease: Lease
    listings: dict[int, LeasedListing]
    states: dict[int, ListingState]
    sends_until: float
    """Event loop time after which nothing may be sent: the lease ends soon after."""


def recorded_end(job: Job, result: PushResult, *, sent: bool = True) -> Recorded:
    """A platform's answer as it is recorded."""
    state = job.states[result.listing_id]
    listing = job.listings[result.listing_id]
    postponed = is_postponed(result)
    wait_s = result.wait_s or result.retry_after_s
    return Recorded(
        listing_id=listing.id,
        generation=listing.generation,
        outcome=POSTPONED if postponed else result.outcome.value,
        quantity=None if state.phase is ListingPhase.ENDED else state.quantity,
        price=state.price,
        currency=state.currency,
        message=printable(result.message)[:_MESSAGE_CHARS],
        code=printable(result.code)[:_CODE_CHARS],
        external_ids=json.dumps({printable(name): printable(value) for name, value in result.external_ids.items()}),
        wait_s=wait_s or (_POSTPONED_S if postponed else backoff_s(listing.attempts + 1)),
        sent=sent and not postponed,
    )


def is_postponed(result: PushResult) -> bool:
    """Whether it was only held back for a moment. What had begun of it is absolute and is sent again."""
    held_back = result.outcome is Outcome.RETRY and result.code == OVER_QUOTA
    return held_back and (result.retry_after_s or 0.0) <= _MOST_POSTPONED_S


def sort_out(job: Job) -> tuple[list[Recorded], list[ListingState]]:
    """What is shown already, and what has to be sent."""
    done, to_send = [], []
    for listing in job.lease.listings:
        state = job.states[listing.id]
        if is_shown_already(listing, state):
            done.append(_done_unsent(listing, state))
        else:
            to_send.append(state)
    return done, to_send


def compare(
    job: Job, live: dict[int, LiveListing], to_send: Sequence[ListingState]
) -> tuple[list[Recorded], list[ListingState]]:
    """What the platform, as read back, shows already, and what has to be sent, with the ids learned."""
    done, still = [], []
    for state in to_send:
        found = live.get(state.listing_id)
        if found is None:
            still.append(state)
        elif not state.content_changed and is_live_as_wanted(state, found):
            done.append(_done_unsent(job.listings[state.listing_id], state, json.dumps(dict(found.external_ids))))
        else:
            still.append(replace(state, external_ids={**state.external_ids, **found.external_ids}))
    return done, still


def _done_unsent(listing: LeasedListing, state: ListingState, external_ids: str = "{}") -> Recorded:
    ended = state.phase is ListingPhase.ENDED
    return Recorded(
        listing_id=listing.id,
        generation=listing.generation,
        outcome=Outcome.DONE.value,
        quantity=None if ended else state.quantity,
        price=state.price,
        currency=state.currency,
        external_ids=external_ids,
        sent=False,
    )


def failed(state: ListingState, error: Exception) -> PushResult:
    """The end of a listing whose push raised instead of answering."""
    if isinstance(error, ChannelError):
        return PushResult(
            state.listing_id, error.outcome, error.message, code=error.code, retry_after_s=error.retry_after_s
        )
    if isinstance(error, TimeoutError):
        return PushResult(state.listing_id, Outcome.UNKNOWN, "The platform did not answer in time.", code="timeout")
    return PushResult(state.listing_id, Outcome.UNKNOWN, "The connector broke; see the log.", code="broken")


def unanswered(state: ListingState) -> PushResult:
    """The end of a listing that the connector's answer left out."""
    return PushResult(
        state.listing_id, Outcome.UNKNOWN, "The platform's answer left this listing out.", code="left_out"
    )


def printable(text: str) -> str:
    """A platform's words as the database takes them."""
    return text.replace("\0", "")
