"""Listings, attempts and imported rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from usav.sync.v1 import channel_pb2, listing_pb2, sync_service_pb2

from chassis.etags import etag
from chassis.field_masks import changes
from sync_svc.convert.channels import platform_name
from sync_svc.convert.common import object_from_proto, object_to_proto, price_from_proto, price_to_proto, timestamp
from sync_svc.convert.rules import overrides_from_proto, overrides_to_proto
from sync_svc.domain.channel import Platform
from sync_svc.domain.listing import Listing, ListingIntent, NewListing
from sync_svc.operations.import_listings import Row, RowEnd
from sync_svc.queries.listings import Attempt, ListingFilter

UPDATABLE = ("external_id", "asin", "name", "description", "price", "metadata", "state", "overrides")
_IGNORED = (
    "id",
    "variant_id",
    "sku",
    "channel_id",
    "platform",
    "account",
    "platform_sku",
    "external_ids",
    "status",
    "error",
    "desired_generation",
    "synced_generation",
    "pushed_quantity",
    "pushed_price",
    "last_synced_time",
    "create_time",
    "update_time",
    "delete_time",
    "etag",
)
_Listing = listing_pb2.Listing


def new_listing(message: listing_pb2.Listing) -> NewListing:
    """A listing to be made. Raises InvalidArgument."""
    price, currency = price_from_proto(message.price if message.HasField("price") else None, "listing.price")
    return NewListing(
        channel_id=message.channel_id,
        variant_id=message.variant_id,
        sku=message.sku.strip().upper(),
        platform_sku=message.platform_sku.strip(),
        external_id=message.external_id.strip() or None,
        asin=message.asin,
        name=message.name,
        description=message.description,
        price=price,
        currency=currency,
        metadata=object_from_proto(message.metadata, "listing.metadata"),
        intent=ListingIntent(_Listing.State.Name(message.state)) if message.state else ListingIntent.ACTIVE,
        overrides=overrides_from_proto(message.overrides),
    )


def listing_changes(message: listing_pb2.Listing, mask: FieldMask) -> dict[str, Any]:
    """What an update changes, by column. Raises UpdateMaskInvalid, InvalidArgument."""
    values = changes(message, mask, updatable=UPDATABLE, ignored=_IGNORED)
    changed: dict[str, Any] = {name: values[name] or "" for name in ("asin", "name", "description") if name in values}
    if "external_id" in values:
        changed["external_id"] = (values["external_id"] or "").strip() or None
    if "price" in values:
        price, currency = price_from_proto(message.price if message.HasField("price") else None, "listing.price")
        changed |= {"price": price, "currency": currency}
    if "metadata" in values:
        changed["metadata"] = object_from_proto(message.metadata, "listing.metadata")
    if "state" in values:
        changed["intent"] = _Listing.State.Name(message.state) if message.state else ListingIntent.ACTIVE.value
    if "overrides" in values:
        changed["overrides"] = overrides_from_proto(message.overrides).as_json()
    return changed


def listing_to_proto(listing: Listing) -> listing_pb2.Listing:
    """A listing as it is answered."""
    return _Listing(
        id=listing.id,
        variant_id=listing.variant_id,
        sku=listing.sku,
        channel_id=listing.channel_id,
        platform=channel_pb2.Channel.Platform.Value(listing.platform),
        account=listing.account,
        platform_sku=listing.platform_sku,
        external_id=listing.external_id,
        external_ids=listing.external_ids,
        asin=listing.asin,
        name=listing.name,
        description=listing.description,
        price=price_to_proto(listing.price, listing.currency),
        metadata=object_to_proto(listing.metadata),
        state=_Listing.State.Value(listing.intent),
        status=_Listing.Status.Value(listing.status),
        error=_error(listing),
        desired_generation=listing.desired_generation,
        synced_generation=listing.synced_generation,
        pushed_quantity=listing.pushed_quantity,
        pushed_price=price_to_proto(listing.pushed_price, listing.currency),
        last_synced_time=timestamp(listing.last_synced_at),
        create_time=timestamp(listing.created_at),
        update_time=timestamp(listing.updated_at),
        delete_time=timestamp(listing.deleted_at),
        etag=etag(listing.version),
        overrides=overrides_to_proto(listing.overrides),
    )


def _error(listing: Listing) -> listing_pb2.Listing.Error | None:
    if listing.error_class is None:
        return None
    return _Listing.Error(
        error_class=_Listing.ErrorClass.Value(listing.error_class),
        message=listing.error_message,
        code=listing.error_code,
        attempts=listing.attempts,
        next_attempt_time=timestamp(listing.next_attempt_at),
    )


def zoho_filter(request: sync_service_pb2.ListVariantsPendingZohoRequest) -> ListingFilter:
    """What a request for what Zoho does not show asks for."""
    status = _Listing.Status.Name(request.status) if request.status else ""
    return ListingFilter(platform=Platform.ZOHO, channel=request.channel, status=status, only_unsynced=True)


def zoho_to_proto(listing: Listing) -> listing_pb2.ZohoSync:
    """How a listing's variant stands with Zoho."""
    return listing_pb2.ZohoSync(
        variant_id=listing.variant_id,
        sku=listing.sku,
        status=_Listing.Status.Value(listing.status),
        item_id=listing.external_id or "",
        last_synced_time=timestamp(listing.last_synced_at),
        error=_error(listing),
        channel_id=listing.channel_id,
        account=listing.account,
        listing_id=listing.id,
    )


def attempt_to_proto(attempt: Attempt) -> listing_pb2.ListingAttempt:
    """One attempt."""
    return listing_pb2.ListingAttempt(
        id=attempt.id,
        listing_id=attempt.listing_id,
        run_id=attempt.run_id,
        generation=attempt.generation,
        quantity=attempt.quantity,
        price=price_to_proto(attempt.price, attempt.currency),
        outcome=listing_pb2.ListingAttempt.Outcome.Value(attempt.outcome),
        message=attempt.message,
        code=attempt.code,
        start_time=timestamp(attempt.started_at),
        duration_ms=attempt.duration_ms,
        late=attempt.late,
    )


def filter_of(request: sync_service_pb2.ListListingsRequest) -> ListingFilter:
    """The filters of a list."""
    return ListingFilter(
        platform=platform_name(request.platform),
        channel=request.channel,
        status=_Listing.Status.Name(request.status) if request.status else "",
        sku=request.sku,
        variant_id=request.variant_id,
        show_deleted=request.show_deleted,
    )


def pending_filter(request: sync_service_pb2.ListPendingListingsRequest) -> ListingFilter:
    """The filters of the pending list."""
    return ListingFilter(
        platform=platform_name(request.platform),
        channel=request.channel,
        sku=request.sku,
        variant_id=request.variant_id,
        only_waiting=True,
    )


def error_filter(request: sync_service_pb2.ListErrorListingsRequest) -> ListingFilter:
    """The filters of the list of errors."""
    return ListingFilter(
        platform=platform_name(request.platform),
        channel=request.channel,
        sku=request.sku,
        variant_id=request.variant_id,
        error_class=_Listing.ErrorClass.Name(request.error_class) if request.error_class else "",
        only_failed=True,
    )


def row_of(message: listing_pb2.ListingUpsert) -> Row:
    """A row of an import. Raises InvalidArgument."""
    price, currency = price_from_proto(message.price if message.HasField("price") else None, "price")
    return Row(
        variant_id=message.variant_id,
        sku=message.sku.strip().upper(),
        platform=Platform(platform_name(message.platform)),
        account=message.account,
        platform_sku=message.platform_sku.strip(),
        external_id=message.external_id.strip(),
        asin=message.asin,
        name=message.name,
        description=message.description,
        price=price,
        currency=currency,
    )


def ends_to_proto(ends: Sequence[RowEnd]) -> sync_service_pb2.BatchUpsertListingsResponse:
    """What became of the rows of an import."""
    status = listing_pb2.ListingUpsertResult.Status
    results = [
        listing_pb2.ListingUpsertResult(
            index=index,
            status=status.Value(end.status),
            listing_id=end.listing_id,
            reason=end.reason,
            message=end.message,
        )
        for index, end in enumerate(ends)
    ]
    return sync_service_pb2.BatchUpsertListingsResponse(results=results)
