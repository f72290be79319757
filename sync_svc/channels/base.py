"""What the hub asks of a marketplace, whichever it is.

One `Channel` stands for one account on one platform. It speaks in absolute numbers, keeps its own access token and quota, and
sorts every answer into an `Outcome`; it knows nothing of leases, stock or the database. Adding a platform is one folder here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

LISTING_ID = "listing_id"
"""The one external id every connector gives under this name: the id a person knows the listing by on the platform (eBay's
listing id, Ecwid's product id). It shows as `external_id`; other ids go beside it under names of the connector's choice."""

TOKEN_HEADER = "x-hub-webhook-token"
"""Where `Channel.verify_webhook` finds the secret of the address a delivery came to: the query's `token`."""


class Outcome(StrEnum):
    """How an exchange with a platform ended, as far as the caller has to act on it."""

    DONE = "DONE"
    """The platform shows what was asked."""
    RETRY = "RETRY"
    """Nothing was wrong with the request: busy, over quota, out of order. The same request may be sent later."""
    AUTH = "AUTH"
    """The account's access is refused even after one refresh of the token. No call of this account can succeed."""
    PERMANENT = "PERMANENT"
    """The platform will refuse this request every time, until a person or a change alters it."""
    UNKNOWN = "UNKNOWN"
    """No answer came, so it may have been applied. Read back before sending anything that is not idempotent."""


class ListingPhase(StrEnum):
    """Whether a listing is to be found on the platform."""

    LIVE = "LIVE"
    """Offered to buyers; a quantity of zero shows as out of stock."""
    ENDED = "ENDED"
    """Taken off the platform."""


class HintKind(StrEnum):
    """What a webhook says may have changed."""

    ORDER = "ORDER"
    """An order was placed, paid, cancelled or changed; `Hint.external_id` is its id."""
    LISTING = "LISTING"
    """A listing was changed, perhaps by the hub itself; `Hint.external_id` is its id."""
    IGNORED = "IGNORED"
    """Genuine, and of no interest. It is answered with success so that the platform does not send it again."""


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """One account on one platform, with all that is needed to speak to it. The secrets stay out of `repr`."""

    channel_id: int
    platform: str
    account: str
    api_base_url: str
    token_url: str = ""
    site: str = ""
    """The platform's marketplace or data center, as `EBAY_US`; empty takes the platform's default."""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Named as the platform names them, as `client_id`, `client_secret`, `refresh_token`, `store_id`."""
    webhook: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is needed to check a webhook, as `verification_token`, `client_secret`, `endpoint`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The platform's switches and defaults, as policy ids or `batch_skus`; never secret."""


@dataclass(frozen=True, slots=True)
class ListingState:
    """What a listing shall show. Every number is absolute, so sending the same state twice is harmless."""

    listing_id: int
    platform_sku: str
    external_ids: Mapping[str, str] = field(default_factory=dict)
    """The ids learned so far, as `listing_id` and `offer_id`; empty when the listing was never pushed or matched."""
    title: str = ""
    description: str = ""
    quantity: int = 0
    price: Decimal | None = None
    """In `currency`; None leaves the platform's price as it is (and a listing that does not exist can't be created)."""
    currency: str = "USD"
    phase: ListingPhase = ListingPhase.LIVE
    condition: str = ""
    """The hub's condition code: N new, R refurbished, U or empty used."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The listing's own settings for this platform, as `category_id`."""
    content_changed: bool = True
    """False when only quantity or price differ from the last push, so that content need not be sent again."""
    generation: int = 0
    """Names this change of the listing: the same for every try of it, another one for the next change."""
    in_doubt: bool = False
    """A former push has no recorded end. Where sending twice would count twice, look for what it left first."""

    @property
    def was_never_offered(self) -> bool:
        """Whether nothing was ever made of it and nothing of it shall be for sale, as of most listings without stock. There may
        be thousands of these, hardly ever is one there, and a call for each would use up a day's quota."""
        shows_nothing = self.quantity == 0 or self.phase is ListingPhase.ENDED
        return shows_nothing and not self.external_ids and not self.in_doubt


OVER_QUOTA = "QUOTA"
"""The code of a RETRY that no platform has sent: the hub itself held a call back, because the quota has no room for it yet."""


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of one listing of a push. `listing_id` is the one of the `ListingState`."""

    listing_id: int
    outcome: Outcome
    message: str = ""
    """The platform's own words, for a person; empty when done."""
    code: str = ""
    """The platform's own code, as `25002`, or the HTTP status as `http_503`."""
    retry_after_s: float | None = None
    """How long the platform asks the whole account to be silent."""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    """Ids learned in this push; they are kept also when the outcome is not DONE."""
    wait_s: float | None = None
    """When this listing alone is worth another try, where the platform works on it meanwhile; None leaves it to the caller."""


@dataclass(frozen=True, slots=True)
class LiveListing:
    """What the platform shows for one listing. Absent (`exists` false) is an answer, not an error."""

    listing_id: int
    platform_sku: str
    exists: bool
    quantity: int | None = None
    price: Decimal | None = None
    phase: ListingPhase = ListingPhase.LIVE
    external_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundListing:
    """A listing that an account offers, whether or not the hub knows of it."""

    platform_sku: str
    title: str = ""
    quantity: int | None = None
    price: Decimal | None = None
    currency: str = "USD"
    external_ids: Mapping[str, str] = field(default_factory=dict)
    asin: str = ""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Some of an account's listings. The next call takes `cursor`; an empty one says that these were the last."""

    listings: Sequence[FoundListing]
    cursor: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of a platform's order. `line_id` is stable over every read of the order."""

    line_id: str
    platform_sku: str
    quantity: int
    title: str = ""
    unit_price: Decimal | None = None
    currency: str = "USD"
    cancelled: bool = False
    shipped_quantity: int = 0
    """Units that left the house as the platform sees it, by whatever way it was told; 0 where it does not say."""


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """A platform's order as it stands now; nothing about the buyer is taken."""

    external_order_id: str
    lines: Sequence[OrderLine]
    paid: bool
    cancelled: bool
    """The whole order is void: cancelled or fully refunded before it was shipped."""
    placed_at: datetime
    modified_at: datetime
    platform_status: str = ""
    """The platform's own words for its state, for a person."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Orders changed since a cursor. The next call takes `cursor`; `more` says that it would answer at once."""

    orders: Sequence[ChannelOrder]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class ParcelLine:
    """Units of one line of an order in a parcel, of those that were ordered in all."""

    line_id: str
    quantity: int
    ordered: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel of an order, as it left the house."""

    shipment_id: int
    """The hub's number of it: the same for every try, and never another parcel's."""
    external_order_id: str
    lines: Sequence[ParcelLine]
    shipped_at: datetime
    carrier: str = ""
    """As a person says it, as `ups`; given whenever there is a tracking number."""
    tracking_number: str = ""
    is_last: bool = True
    """Nothing of the order is left in the house after it."""


@dataclass(frozen=True, slots=True)
class Told:
    """The platform knows of a parcel."""

    external_id: str = ""
    """The platform's own id of it, where it has one."""
    by_another: bool = False
    """It was told by somebody else before, so nothing was sent."""
    message: str = ""
    """What a person should know of that."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing a webhook points at. It is never believed beyond its id: the order is read from the platform."""

    event_id: str
    """The platform's id of the delivery; each is accepted once."""
    kind: HintKind
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class QueuedHints:
    """What one look into a platform's queue brought. Settle it once the hints are kept, or they come again."""

    hints: Sequence[Hint] = ()
    receipts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Quota:
    """What the account may still send, where the channel knows it."""

    name: str
    limit: int
    remaining: int
    reset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """The answer of `Channel.check`: the account's own name on the platform, and when a person must consent again."""

    account_name: str = ""
    consent_expires_at: datetime | None = None


class ChannelError(Exception):
    """An exchange other than a push failed; `outcome` says what may be done about it."""

    def __init__(self, outcome: Outcome, message: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.code = code
        self.retry_after_s = retry_after_s


class WebhookRefused(Exception):
    """The delivery is forged, stale, or for another account. Nothing of it is kept."""


@runtime_checkable
class Channel(Protocol):
    """One account on one platform. Safe for many tasks of one event loop at once."""

    @property
    def max_batch(self) -> int:
        """The most listings one `push` takes."""
        ...

    async def check(self) -> ChannelHealth:
        """Make one cheap signed-in call. Raises ChannelError when the account cannot be used."""
        ...

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Make the platform show these states: create or match what does not exist, then set quantity and price.

        Answers one result per state, in any order. Never raises for what a platform can answer; a cancelled call may
        have been applied. Repeating it is safe: what exists is found by `platform_sku` before anything is created.
        """
        ...

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Read what the platform shows, by external ids or else by `platform_sku`. Raises ChannelError."""
        ...

    async def live_listings(self, cursor: str) -> FoundPage:
        """List what the account offers to buyers, page by page; an empty cursor is the first page.

        What is made or ended meanwhile may be left out or come twice. Raises ChannelError, and then the cursor stays good.
        """
        ...

    async def orders_since(self, cursor: str) -> OrderPage:
        """Read orders modified since the cursor, with an overlap; empty starts at the platform's default window.

        An order may come again; none is left out. Raises ChannelError, and then the former cursor stays good.
        """
        ...

    async def get_order(self, external_order_id: str) -> ChannelOrder | None:
        """Read one order; None when the platform does not know it. Raises ChannelError."""
        ...

    async def ship(self, parcel: Parcel) -> Told:
        """Tell the platform that a parcel of an order is on its way, with its tracking number.

        Repeating it is safe: what the platform knows already is read before anything is sent, also what somebody else has told
        it. Raises ChannelError; PERMANENT when the order cannot be shipped (any more) or the platform refuses the parcel.
        """
        ...

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Check a delivery's signature (header names in lower case) and say what it points at. Raises WebhookRefused.

        Raises ChannelError when the check itself needed the platform and could not be made; the sender tries again.
        """
        ...

    def answer_challenge(self, endpoint: str, challenge_code: str) -> bytes:
        """Answer the platform's test of the webhook address with a JSON body. Raises WebhookRefused where there is none."""
        ...

    async def connect_webhooks(self, endpoint: str) -> Mapping[str, str]:
        """Ask the platform to send webhooks to `endpoint`; answers what to add to `ChannelAccount.webhook`.

        Repeating it is safe. Answers an empty mapping where the platform has no call for it. Raises ChannelError.
        """
        ...

    def quotas(self) -> list[Quota]:
        """What is left of the account's quotas as this process knows them; no call is made."""
        ...

    def token_expires_at(self) -> datetime | None:
        """When the access token in use ends; None when none is held or it does not end."""
        ...

    async def aclose(self) -> None:
        """Close connections. The channel is not used again."""
        ...


@runtime_checkable
class HintQueue(Protocol):
    """What a channel is besides when its platform leaves messages in a queue instead of calling a webhook.

    Any number of readers may look into one queue; each message is given to one of them, and again when it is not settled.
    """

    @property
    def has_queue(self) -> bool:
        """Whether the account is set up with a queue."""
        ...

    async def receive_hints(self) -> QueuedHints:
        """Wait some seconds for messages; none is an answer. Raises ChannelError."""
        ...

    async def settle_hints(self, queued: QueuedHints) -> None:
        """Take messages out of the queue. Repeating it is safe. Raises ChannelError."""
        ...
