"""Changes of listings: judged at once, applied a moment later, and sometimes refused then, although they were accepted."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.amazon import messages
from sandbox.amazon.attributes import issue, malformed, missing, patched
from sandbox.amazon.notifications import Notifications
from sandbox.amazon.state import Listing, first
from sandbox.amazon.store import PLATFORM, Store
from sandbox.amazon.tokens import ACCOUNT
from sandbox.wire import Json

PUT = "PUT"
PATCH = "PATCH"
DELETE = "DELETE"
APPLY = "amazon.apply"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one listing: all attributes, patches of some, or its end."""

    kind: str
    sku: str
    product_type: str = ""
    requirements: str = "LISTING"
    attributes: Json = field(default_factory=dict)
    patches: Sequence[Json] = ()

    @property
    def quantity(self) -> int | None:
        """The quantity the change sets, None when it sets none."""
        given = (
            patched({}, [patch for patch in self.patches if patch["op"] != "delete"])
            if self.patches
            else self.attributes
        )
        value = first(given, "fulfillment_availability").get("quantity")
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class Submissions:
    """Judges changes and applies them."""

    def __init__(self, store: Store, notifications: Notifications) -> None:
        self._store = store
        self._notifications = notifications
        self._coming: dict[str, int] = {}
        self._random = random.Random(1)

    def judge(self, change: Change) -> list[Json]:
        """The issues for which the change is not accepted."""
        strict = self._store.world.switches.amazon.strict_attributes
        listing = self._store.account.listings.get(change.sku)
        if change.kind == DELETE:
            return []
        if change.kind == PUT:
            return missing(change.attributes, change.requirements, strict=strict) + malformed(change.attributes)
        if listing is None and not self._coming.get(change.sku):
            return [issue("13013", "This SKU does not exist in the Amazon catalog.", "INVALID_ATTRIBUTE")]
        return malformed(patched(listing.attributes if listing else {}, change.patches))

    def accept(self, change: Change) -> str:
        """Applies a judged change a moment later; its submission id."""
        switches = self._store.world.switches.amazon
        delay_ms = switches.apply_delay_ms + self._random.random() * switches.apply_jitter_ms
        self._coming[change.sku] = self._coming.get(change.sku, 0) + 1
        self._store.later.call(delay_ms / 1000, lambda: self._arrive(change))
        return uuid.uuid4().hex

    def apply(self, change: Change) -> list[Json]:
        """Applies a judged change now; the issues found only at this stage, for which it was not applied."""
        if change.kind == DELETE:
            self._store.drop_listing(change.sku)
            return []
        rule = self._store.world.faults.pick_later(PLATFORM, ACCOUNT, APPLY, change.sku)
        if rule is not None:
            return self._fail(change)
        listing = self._listing(change)
        before = listing.quantity
        base = {} if change.kind == PUT else listing.attributes
        listing.attributes = patched({**base, **change.attributes}, change.patches)
        listing.product_type = change.product_type or listing.product_type
        had_issues, listing.issues = bool(listing.issues), []
        self._store.keep_listing(listing)
        if listing.quantity != before:
            self._notifications.tell(messages.QUANTITY_CHANGE, messages.quantity_change(listing))
        if had_issues:
            self._notifications.tell(messages.ISSUES_CHANGE, messages.issues_change(listing))
        return []

    def clear(self) -> None:
        """Forgets what is under way."""
        self._coming.clear()

    def _arrive(self, change: Change) -> None:
        left = self._coming.get(change.sku, 1) - 1
        if left > 0:
            self._coming[change.sku] = left
        else:
            self._coming.pop(change.sku, None)
        self.apply(change)

    def _fail(self, change: Change) -> list[Json]:
        is_new = change.sku not in self._store.account.listings
        listing = self._listing(change)
        found = issue("8541", "The SKU data provided conflicts with the Amazon catalog.", "INVALID_ATTRIBUTE")
        if is_new:
            listing.attributes = {name: change.attributes[name] for name in ("item_name",) if name in change.attributes}
            exemption = {"status": "NOT_EXEMPT"}
            found["enforcements"] = {"actions": [{"action": "LISTING_SUPPRESSED"}], "exemption": exemption}
        listing.issues = [found]
        self._store.keep_listing(listing)
        self._notifications.tell(messages.ISSUES_CHANGE, messages.issues_change(listing))
        return [found]

    def _listing(self, change: Change) -> Listing:
        found = self._store.account.listings.get(change.sku)
        if found is not None:
            return found
        now = self._store.world.clock.seconds()
        suggested = first(change.attributes, "merchant_suggested_asin").get("value")
        asin = suggested if isinstance(suggested, str) and suggested else self._new_asin()
        return Listing(change.sku, asin, change.product_type or "PRODUCT", {}, now, now)

    def _new_asin(self) -> str:
        return f"B0{self._store.world.keeper.next_id('amazon.asin', 1):08d}"
