"""Differences and passes."""

from __future__ import annotations

from usav.sync.v1 import channel_pb2, drift_pb2

from sync_svc.convert.channels import platform_name
from sync_svc.convert.common import price_to_proto, timestamp
from sync_svc.queries.drift import Drift, DriftFilter, Pass, Risk


def filter_of(request: drift_pb2.ListDriftRequest) -> DriftFilter:
    """What a request asks for."""
    return DriftFilter(platform_name(request.platform), request.channel.strip(), request.show_mended)


def drift_to_proto(drift: Drift) -> drift_pb2.Drift:
    """One difference."""
    differs = {"QUANTITY": drift.quantity, "PRICE": drift.price, "STATE": drift.is_gone}
    return drift_pb2.Drift(
        id=drift.id,
        listing_id=drift.listing_id,
        channel_id=drift.channel_id,
        platform=channel_pb2.Channel.Platform.Value(drift.platform),
        account=drift.account,
        sku=drift.sku,
        platform_sku=drift.platform_sku,
        state=drift_pb2.Drift.State.Value(drift.state),
        differs=[drift_pb2.Drift.Aspect.Value(name) for name, is_so in differs.items() if is_so],
        hub_quantity=drift.hub_quantity,
        live_quantity=drift.live_quantity,
        hub_price=price_to_proto(drift.hub_price, drift.currency),
        live_price=price_to_proto(drift.live_price, drift.currency),
        live_state=drift_pb2.Drift.LiveState.Value(drift.live_state),
        units_at_risk=drift.units_at_risk,
        money_at_risk=price_to_proto(drift.money_at_risk, drift.currency),
        found_time=timestamp(drift.found_at),
        seen_time=timestamp(drift.seen_at),
    )


def add_risk(answer: drift_pb2.ListDriftResponse, risk: Risk) -> None:
    """The sums, one amount of money per currency."""
    answer.units_at_risk = risk.units
    answer.money_at_risk.extend(
        amount
        for currency, value in sorted(risk.money.items())
        if (amount := price_to_proto(value, currency)) is not None
    )


def pass_to_proto(one: Pass) -> drift_pb2.ReconciliationPass:
    """One channel's pass."""
    return drift_pb2.ReconciliationPass(
        channel_id=one.channel_id,
        start_time=timestamp(one.started_at),
        finish_time=timestamp(one.finished_at),
        next_time=timestamp(one.next_at),
        checked_count=one.checked_count,
        differing_count=one.differing_count,
        under_way=one.is_under_way,
        message=one.message,
    )
