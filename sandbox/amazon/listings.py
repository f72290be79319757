"""Listings items: put, patched, read, searched and deleted. Accepted is not applied, and 200 may say INVALID."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.amazon.attributes import REQUIREMENTS, check_patches
from sandbox.amazon.errors import invalid_input, refuse
from sandbox.amazon.reading import (
    MARKETPLACE_ID,
    choices,
    count,
    document,
    listed,
    moment,
    objects,
    require_marketplace,
    text,
)
from sandbox.amazon.state import Listing
from sandbox.amazon.store import Store
from sandbox.amazon.submissions import DELETE, PATCH, PUT, Change, Submissions
from sandbox.amazon.tokens import SELLER_ID
from sandbox.amazon.views import PARTS, item_document, statuses
from sandbox.wire import Answer, Call, Json, Router

_ALL = "/listings/2021-08-01/items/{seller_id}"
_ONE = f"{_ALL}/{{sku}}"
_LONGEST_SKU = 40
_MOST_FOUND = 1000
_SORTS: dict[str, Callable[[Listing], Any]] = {
    "sku": lambda listing: listing.sku,
    "createdDate": lambda listing: (listing.created_at, listing.sku),
    "lastUpdatedDate": lambda listing: (listing.updated_at, listing.sku),
}
_TYPES = ("ASIN", "EAN", "FNSKU", "GTIN", "ISBN", "JAN", "MINSAN", "SKU", "UPC")


class Listings:
    """Handlers of `listings/2021-08-01`."""

    def __init__(self, store: Store, submissions: Submissions) -> None:
        self._store = store
        self._submissions = submissions

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("search_listings_items", f"GET {_ALL}", self.search)
        router.add("get_listings_item", f"GET {_ONE}", self.get)
        router.add("put_listings_item", f"PUT {_ONE}", self.put)
        router.add("patch_listings_item", f"PATCH {_ONE}", self.patch)
        router.add("delete_listings_item", f"DELETE {_ONE}", self.delete)

    def put(self, call: Call) -> Answer:
        """Creates a listing or replaces all of its attributes."""
        sku = _sku(call)
        require_marketplace(call, most=1)
        body = document(call)
        attributes, requirements = body.get("attributes"), body.get("requirements", "LISTING")
        if not isinstance(attributes, dict) or requirements not in REQUIREMENTS:
            raise invalid_input("'attributes' or 'requirements' is missing or not valid.")
        return self._submit(call, Change(PUT, sku, text(body, "productType", 100), requirements, attributes))

    def patch(self, call: Call) -> Answer:
        """Changes whole attributes of a listing."""
        sku = _sku(call)
        require_marketplace(call)
        body = document(call)
        patches = objects(body, "patches")
        check_patches(patches)
        return self._submit(call, Change(PATCH, sku, text(body, "productType", 100), patches=patches))

    def delete(self, call: Call) -> Answer:
        """Ends a listing; a repeat is accepted too."""
        sku = _sku(call)
        require_marketplace(call, most=1)
        return self._submit(call, Change(DELETE, sku))

    def get(self, call: Call) -> Answer:
        """One listing with the parts that are asked for."""
        sku = _sku(call)
        require_marketplace(call)
        parts = choices(call, "includedData", PARTS, ("summaries",))
        listing = self._store.account.listings.get(sku)
        if listing is None:
            raise refuse(404, "NOT_FOUND", f"SKU '{sku}' not found in marketplace {MARKETPLACE_ID}")
        return Answer(200, item_document(listing, parts))

    def search(self, call: Call) -> Answer:
        """Listings by identifier, time or status, a page at a time; no more than 1,000 can be reached."""
        _check_seller(call)
        require_marketplace(call)
        parts = choices(call, "includedData", PARTS, ("summaries",))
        key = _SORTS.get(call.query.get("sortBy", "lastUpdatedDate"))
        if key is None:
            raise invalid_input("'sortBy' is not valid.")
        found = sorted(self._matching(call), key=key, reverse=call.query.get("sortOrder", "DESC") != "ASC")
        size, start = count(call, "pageSize", 10, 20), _position(call)
        reachable = found[:_MOST_FOUND]
        body: Json = {
            "numberOfResults": len(found),
            "items": [item_document(listing, parts) for listing in reachable[start : start + size]],
        }
        pagination = _pagination(start, size, len(reachable))
        if pagination:
            body["pagination"] = pagination
        return Answer(200, body)

    def _submit(self, call: Call, change: Change) -> Answer:
        mode = call.query.get("mode")
        if mode not in {None, "VALIDATION_PREVIEW"}:
            raise invalid_input("'mode' is not valid.")
        choices(call, "includedData", ("identifiers", "issues"))
        issues = self._submissions.judge(change)
        call.note(change.sku, change.quantity if not issues and mode is None else None)
        if issues or mode:
            return _submission(change.sku, "INVALID" if issues else "VALID", uuid.uuid4().hex, issues)
        return _submission(change.sku, "ACCEPTED", self._submissions.accept(change), [])

    def _matching(self, call: Call) -> list[Listing]:
        candidates = self._identified(call)
        bounds = {name: moment(call, name) for name in _BOUNDS}
        wanted = choices(call, "withStatus", ("BUYABLE", "DISCOVERABLE"))
        unwanted = choices(call, "withoutStatus", ("BUYABLE", "DISCOVERABLE"))
        severities = choices(call, "withIssueSeverity", ("WARNING", "ERROR"))
        return [
            listing
            for listing in candidates
            if _within(listing.created_at, bounds["createdAfter"], bounds["createdBefore"])
            and _within(listing.updated_at, bounds["lastUpdatedAfter"], bounds["lastUpdatedBefore"])
            and (not wanted or set(wanted) & set(statuses(listing)))
            and not set(unwanted) & set(statuses(listing))
            and (not severities or any(issue["severity"] in severities for issue in listing.issues))
        ]

    def _identified(self, call: Call) -> Sequence[Listing]:
        identifiers, kind = listed(call, "identifiers"), call.query.get("identifiersType")
        listings = self._store.account.listings
        if not identifiers and kind is None:
            return list(listings.values())
        if kind not in _TYPES or not 1 <= len(identifiers) <= 20:
            raise invalid_input("'identifiers' takes 1 to 20 entries, and needs 'identifiersType'.")
        for sku in identifiers if kind == "SKU" else ():
            call.note(sku)
        if kind == "SKU":
            return [listings[sku] for sku in dict.fromkeys(identifiers) if sku in listings]
        return [listing for listing in listings.values() if kind == "ASIN" and listing.asin in identifiers]


_BOUNDS = ("createdAfter", "createdBefore", "lastUpdatedAfter", "lastUpdatedBefore")


def _check_seller(call: Call) -> None:
    if call.params["seller_id"] != SELLER_ID:
        raise refuse(403, "Unauthorized", "Access to requested resource is denied.", "The seller is not yours.")


def _sku(call: Call) -> str:
    _check_seller(call)
    sku = call.params["sku"]
    call.note(sku)
    if not 0 < len(sku) <= _LONGEST_SKU:
        raise invalid_input(f"A SKU has 1 to {_LONGEST_SKU} characters.")
    return sku


def _submission(sku: str, status: str, submission_id: str, issues: list[Json]) -> Answer:
    return Answer(200, {"sku": sku, "status": status, "submissionId": submission_id, "issues": issues})


def _within(value: float, after: float | None, before: float | None) -> bool:
    return (after is None or value >= after) and (before is None or value <= before)


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"from": position}).encode()).decode()


def _position(call: Call) -> int:
    token = call.query.get("pageToken")
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["from"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise invalid_input("'pageToken' is not valid.") from None


def _pagination(start: int, size: int, total: int) -> Json:
    pages: Json = {}
    if start + size < total:
        pages["nextToken"] = _token(start + size)
    if start:
        pages["previousToken"] = _token(max(0, start - size))
    return pages
