"""What sync reads out of a message of the stock's feed, in either of its forms."""

from __future__ import annotations

from usav.inventory.v1 import inventory_service_pb2, item_pb2, stock_change_pb2

from sync_svc.domain.listing import Urgency
from sync_svc.upstream import FeedEvent, _stock_events

_STATUS = item_pb2.Item.Status


def _change(variant_id: int, before: _STATUS.ValueType, after: _STATUS.ValueType) -> stock_change_pb2.StockChange:
    return stock_change_pb2.StockChange(variant_id=variant_id, before_status=before, after_status=after)


def test_variant_of_many_changes_comes_once_and_the_token_behind_all() -> None:
    changes = [
        _change(1, _STATUS.RESERVED, _STATUS.AVAILABLE),
        _change(2, _STATUS.RESERVED, _STATUS.AVAILABLE),
        _change(1, _STATUS.AVAILABLE, _STATUS.SOLD),
    ]
    message = inventory_service_pb2.WatchStockResponse(
        resume_token="t", changes=stock_change_pb2.StockChanges(changes=changes)
    )
    assert list(_stock_events(message)) == [
        FeedEvent("", 1, Urgency.STOCK_FELL),
        FeedEvent("", 2, Urgency.STOCK),
        FeedEvent("t"),
    ]


def test_change_told_by_itself_by_a_service_of_the_release_before_is_not_passed_over() -> None:
    message = inventory_service_pb2.WatchStockResponse(
        resume_token="t", change=_change(1, _STATUS.AVAILABLE, _STATUS.SOLD)
    )
    assert list(_stock_events(message)) == [FeedEvent("", 1, Urgency.STOCK_FELL), FeedEvent("t")]


def test_checkpoint_is_a_token_alone() -> None:
    message = inventory_service_pb2.WatchStockResponse(resume_token="t", checkpoint=stock_change_pb2.Checkpoint())
    assert list(_stock_events(message)) == [FeedEvent("t")]
