"""Stock by documents that each add a number: from what an item has to what it shall have, and never twice for one change.

A document carries the change it is for: the listing and its generation. When a document may have been booked without an answer,
the listing remembers its reference, and the next push looks for it, lets it count if it waits for approval, and only then reads
the stock that the next difference is taken from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_svc.channels.base import ChannelError, ListingState, Outcome
from sync_svc.channels.codec import objects_of
from sync_svc.channels.zoho import errors
from sync_svc.channels.zoho.client import ZohoClient
from sync_svc.channels.zoho.mapping import Terms, text_id

IN_DOUBT = "adjustment"
"""Among a listing's external ids: the reference of a document that may or may not count; empty when there is none."""
NEEDS_APPROVAL = "needs_approval"
_DRAFT = frozenset({"draft"})
_WAITING = frozenset({"pending_approval", "pending approval", "submitted", "pending"})
_GROUP_PREFIX = "HUB-G"
_MOST_LOOKED_INTO = 5
# Dates are the organization's; one that is not after today anywhere is never in the future.
EARLIEST_ZONE = timedelta(hours=-10)


@dataclass(frozen=True, slots=True)
class Difference:
    """Units to add to an item so that it shows what its listing shall; fewer than zero take away."""

    state: ListingState
    item_id: str
    units: int


def reference_of(state: ListingState) -> str:
    """Names one change of one listing."""
    return f"{_prefix(state)}{state.generation}"


def _prefix(state: ListingState) -> str:
    return f"HUB-{state.listing_id}-"


class StockBook:
    """Books differences of one organization. The caller sees to it that no item is changed twice at once."""

    def __init__(self, client: ZohoClient, terms: Terms) -> None:
        self._client = client
        self._terms = terms
        self._one_by_one = False

    # -- booking --------------------------------------------------------------------------------------------------

    async def book(self, differences: Sequence[Difference]) -> dict[int, ChannelError | None]:
        """Books all differences as one document; answers by listing id what went wrong, or None.

        When the document is refused as a whole, perhaps for one of its lines, each line gets one of its own. So do lines of
        documents that wait for a person, who may want to approve some of them.
        """
        if self._one_by_one and len(differences) > 1:
            return await self._book_each(differences)
        error = await self._book_once(differences)
        if error is not None and error.code == NEEDS_APPROVAL:
            self._one_by_one = True
        elif error is not None and error.outcome is Outcome.PERMANENT and len(differences) > 1:
            return await self._book_each(differences)
        return {one.state.listing_id: error for one in differences}

    async def _book_each(self, differences: Sequence[Difference]) -> dict[int, ChannelError | None]:
        return {one.state.listing_id: await self._book_once([one]) for one in differences}

    async def _book_once(self, differences: Sequence[Difference]) -> ChannelError | None:
        try:
            document = await self._client.create_adjustment(self._document(differences))
        except ChannelError as error:
            if errors.may_have_counted(error):
                return ChannelError(Outcome.UNKNOWN, error.message, code=error.code)
            return error
        try:
            await self._let_count(document)
        except ChannelError as error:
            return error
        return None

    def _document(self, differences: Sequence[Difference]) -> dict[str, Any]:
        terms = self._terms
        place = {"location_id": terms.location_id} if terms.location_id else {}
        account = {"adjustment_account_id": terms.adjustment_account_id} if terms.adjustment_account_id else {}
        lines = [
            {
                "item_id": one.item_id,
                "quantity_adjusted": one.units,
                "description": reference_of(one.state),
                **place,
                **account,
            }
            for one in differences
        ]
        return {
            "date": (datetime.now(UTC) + EARLIEST_ZONE).date().isoformat(),
            "reason": terms.reason,
            "adjustment_type": "quantity",
            "reference_number": document_reference([one.state for one in differences]),
            "line_items": lines,
            **place,
        }

    async def _let_count(self, document: Mapping[str, Any]) -> None:
        """Submits and approves a document that says it waits for that. Raises `ChannelError` when it does not count."""
        status = str(document.get("status", "")).casefold()
        if status not in _DRAFT | _WAITING:
            return
        adjustment_id = text_id(document.get("inventory_adjustment_id"))
        if not self._terms.may_approve:
            raise ChannelError(Outcome.PERMANENT, "The adjustment waits for approval in Zoho.", code=NEEDS_APPROVAL)
        try:
            if status in _DRAFT:
                await self._client.move_adjustment(adjustment_id, "submit")
            await self._client.move_adjustment(adjustment_id, "approve")
        except ChannelError as error:
            if error.outcome in (Outcome.PERMANENT, Outcome.AUTH):
                text = f"The adjustment waits for approval in Zoho: {error.message}"
                raise ChannelError(Outcome.PERMANENT, text, code=NEEDS_APPROVAL) from error
            raise ChannelError(Outcome.UNKNOWN, error.message, code=error.code) from error

    # -- looking for what may have been booked --------------------------------------------------------------------

    async def clear_doubts(self, states: Sequence[ListingState]) -> None:
        """Finds what former pushes of these listings may have booked and makes it count or go. Raises `ChannelError`.

        The stock read after this holds everything that was booked for them.
        """
        doubtful = [state for state in states if state.in_doubt or state.external_ids.get(IN_DOUBT)]
        if not doubtful:
            return
        for document in await self._find(doubtful):
            await self._settle(document)

    async def _find(self, states: Sequence[ListingState]) -> list[Mapping[str, Any]]:
        """The documents that are for these listings, and that do not count yet."""
        remembered = {state.external_ids.get(IN_DOUBT, "") for state in states} - {""}
        prefixes = tuple(_prefix(state) for state in states)
        item_ids = {state.external_ids.get("item_id", "") for state in states} - {""}
        found: list[Mapping[str, Any]] = []
        to_look_into: list[Mapping[str, Any]] = []
        for document in await self._client.latest_adjustments():
            reference = str(document.get("reference_number") or "")
            if not _may_wait(document):
                continue
            if reference in remembered or reference.startswith(prefixes):
                found.append(document)
            elif reference.startswith(_GROUP_PREFIX) and len(to_look_into) < _MOST_LOOKED_INTO:
                to_look_into.append(document)
        for document in to_look_into:
            whole = await self._client.get_adjustment(text_id(document.get("inventory_adjustment_id")))
            if whole is not None and _is_for(whole, prefixes, item_ids):
                found.append(whole)
        return found

    async def _settle(self, document: Mapping[str, Any]) -> None:
        adjustment_id = text_id(document.get("inventory_adjustment_id"))
        if "status" not in document:
            document = await self._client.get_adjustment(adjustment_id) or {}
        try:
            await self._let_count(document)
        except ChannelError as error:
            if error.code != NEEDS_APPROVAL:
                raise
            # It has changed nothing yet, and what it would add is out of date: the next one takes its place.
            await self._client.delete_adjustment(adjustment_id)


def document_reference(states: Sequence[ListingState]) -> str:
    """Names a document by the changes it is for; the same changes have the same name."""
    if len(states) == 1:
        return reference_of(states[0])
    together = ",".join(sorted(reference_of(state) for state in states))
    return _GROUP_PREFIX + hashlib.sha256(together.encode()).hexdigest()[:24]


def _may_wait(document: Mapping[str, Any]) -> bool:
    """Whether a listed document may not count yet. A list that tells no status leaves that open."""
    return str(document.get("status", "draft")).casefold() in _DRAFT | _WAITING


def _is_for(document: Mapping[str, Any], prefixes: tuple[str, ...], item_ids: Collection[str]) -> bool:
    lines = objects_of(document, "line_items")
    return any(
        str(line.get("description", "")).startswith(prefixes) or text_id(line.get("item_id")) in item_ids
        for line in lines
    )
