"""What the methods of the service share."""

from __future__ import annotations

from chassis.clock import now
from chassis.context import current_call
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from sync_svc.domain.channel import Channel, Connection
from sync_svc.domain.scope import Channels
from sync_svc.operations.desk import Desk
from sync_svc.progress import Progress
from sync_svc.queries.channels import ListingTotals

# The kind of thing, in the bounds of an access token, that listings and orders are bound by.
BOUND_TO = "channels"


def bound_channels() -> Channels:
    """What the caller is bound to; an id that is none opens nothing."""
    bound = current_call().principal.bound(BOUND_TO)
    return None if bound is None else frozenset(int(key) for key in bound if key.isdecimal())


class SyncRpcs:
    """The parts every method works with."""

    def __init__(self, desk: Desk, once: Idempotency, page_tokens: PageTokens, progress: Progress) -> None:
        self.desk = desk
        self.once = once
        self.page_tokens = page_tokens
        self.progress = progress
        self.totals = ListingTotals(desk.db)

    def connection(self, channel: Channel) -> Connection:
        """Whether a channel can be spoken with."""
        return channel.connection(has_connector=self.desk.connectors.has(channel.platform), now=now())

    def position(self, request: object) -> int | None:
        """The id a page starts behind; None for the first page. Raises PageTokenInvalid."""
        place = self.page_tokens.position(request)  # type: ignore[arg-type]  # a list request, which is a message
        return int(place[0]) if place else None

    def next_token(self, request: object, last_id: int | None) -> str:
        """The token of the next page; empty when there is none."""
        return "" if last_id is None else self.page_tokens.seal(request, (last_id,))  # type: ignore[arg-type]  # as above
