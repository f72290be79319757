"""Unmatched listings and imports, as protos."""

from __future__ import annotations

from usav.sync.v1 import channel_pb2, unmatched_pb2

from sync_svc.convert.common import price_to_proto, timestamp
from sync_svc.domain.unmatched import ImportPass, Unmatched


def unmatched_to_proto(one: Unmatched) -> unmatched_pb2.UnmatchedListing:
    """One unmatched listing."""
    return unmatched_pb2.UnmatchedListing(
        id=one.id,
        channel_id=one.channel_id,
        platform=channel_pb2.Channel.Platform.Value(one.platform),
        account=one.account,
        platform_sku=one.platform_sku,
        external_id=one.external_id,
        asin=one.asin,
        title=one.title,
        quantity=one.quantity,
        price=price_to_proto(one.price, one.currency),
        dismissed=one.dismissed,
        found_time=timestamp(one.found_at),
        seen_time=timestamp(one.seen_at),
    )


def import_to_proto(channel_id: int, one: ImportPass | None) -> unmatched_pb2.ListingImport:
    """How an import goes; without times when there was none."""
    if one is None:
        return unmatched_pb2.ListingImport(channel_id=channel_id)
    return unmatched_pb2.ListingImport(
        channel_id=channel_id,
        start_time=timestamp(one.started_at),
        finish_time=timestamp(one.finished_at),
        found_count=one.found,
        known_count=one.known,
        matched_count=one.matched,
        unmatched_count=one.unmatched,
        message=one.message,
    )
