"""Counts to protos."""

from __future__ import annotations

from collections.abc import Sequence

from usav.inventory.v1 import item_pb2, stock_count_pb2

from inventory_svc.convert.items import STATUS_VALUE
from inventory_svc.convert.values import to_timestamp
from inventory_svc.domain.counting import Difference, StockCount


def count_message(count: StockCount, differences: Sequence[Difference] = ()) -> stock_count_pb2.StockCount:
    """The count as callers see it."""
    return stock_count_pb2.StockCount(
        id=count.id,
        state=stock_count_pb2.StockCount.State.Value(count.state.value),
        locations=count.locations,
        note=count.note,
        scanned_units=count.scanned_units,
        matched_units=count.matched_units,
        unjudged_units=count.unjudged_units,
        differences=[_difference(one) for one in differences],
        opened_by=count.opened_by,
        closed_by=count.closed_by,
        decided_by=count.decided_by,
        open_time=to_timestamp(count.opened_at),
        close_time=to_timestamp(count.closed_at) if count.closed_at else None,
        decide_time=to_timestamp(count.decided_at) if count.decided_at else None,
    )


def _difference(one: Difference) -> stock_count_pb2.CountDifference:
    kinds, outcomes = stock_count_pb2.CountDifference.Kind, stock_count_pb2.CountDifference.Outcome
    return stock_count_pb2.CountDifference(
        kind=kinds.Value(one.kind.value),
        item_id=one.item_id,
        code=one.code,
        sku=one.sku,
        status=STATUS_VALUE[one.status] if one.status else item_pb2.Item.STATUS_UNSPECIFIED,
        expected_location=one.expected_location,
        found_location=one.found_location,
        outcome=outcomes.Value(one.outcome.value if one.outcome else "OUTCOME_UNSPECIFIED"),
    )
