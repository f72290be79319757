"""A channel's rules and a listing's overrides; what protos cannot check is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from usav.sync.v1 import channel_pb2, listing_pb2

from chassis.errors import InvalidArgument
from sync_svc.domain.rules import Overrides, Rounding, Rules
from sync_svc.domain.schedule import CronWindow, QuietHours, Schedule, zone

_PLAIN = {
    "buffer_units": "buffer_units",
    "cap_units": "cap_units",
    "zero_when_paused": "zero_when_paused",
    "poll_interval_seconds": "poll_interval_s",
    "auto_list": "auto_list",
    "mend_drift": "mend_drift",
    "reconcile_interval_seconds": "reconcile_interval_s",
}
_Rounding = channel_pb2.Channel.PriceRounding


def rules_from_proto(message: channel_pb2.Channel.Rules) -> dict[str, Any]:
    """The rules that are set, by column. Raises InvalidArgument."""
    field = "channel.rules"
    values: dict[str, Any] = {
        column: getattr(message, name)
        for name, column in _PLAIN.items()
        if message.HasField(name)  # type: ignore[arg-type]  # names of its fields
    }
    values |= _price_rules(message, field)
    if message.HasField("schedule"):
        values["schedule"] = _schedule(message.schedule, f"{field}.schedule").as_json()
    return values


def rules_to_proto(rules: Rules) -> channel_pb2.Channel.Rules:
    """All of them."""
    return channel_pb2.Channel.Rules(
        buffer_units=rules.buffer_units,
        cap_units=rules.cap_units,
        price_factor=_plain(rules.price_factor),
        zero_when_paused=rules.zero_when_paused,
        poll_interval_seconds=rules.poll_interval_s,
        price_rounding=_Rounding.Value(rules.price_rounding),
        price_floor=_plain(rules.price_floor),
        auto_list=rules.auto_list,
        mend_drift=rules.mend_drift,
        reconcile_interval_seconds=rules.reconcile_interval_s,
        schedule=channel_pb2.Channel.Schedule(
            time_zone=rules.schedule.time_zone,
            windows=rules.schedule.windows,
            quiet_hours=[
                channel_pb2.Channel.Schedule.QuietHours(start=start, end=end)
                for start, end in rules.schedule.quiet_hours
            ],
        ),
    )


def overrides_from_proto(message: listing_pb2.Listing.Overrides) -> Overrides:
    """What is set. Raises InvalidArgument."""
    return Overrides(
        buffer_units=message.buffer_units if message.HasField("buffer_units") else None,
        cap_units=message.cap_units if message.HasField("cap_units") else None,
        **_price_rules(message, "listing.overrides"),
    )


def overrides_to_proto(overrides: Overrides) -> listing_pb2.Listing.Overrides | None:
    """What is set; unset when nothing is."""
    if not overrides.as_json():
        return None
    factor, floor, rounding = overrides.price_factor, overrides.price_floor, overrides.price_rounding
    return listing_pb2.Listing.Overrides(
        buffer_units=overrides.buffer_units,
        cap_units=overrides.cap_units,
        price_factor=None if factor is None else _plain(factor),
        price_rounding=None if rounding is None else _Rounding.Value(rounding),
        price_floor=None if floor is None else _plain(floor),
    )


def _price_rules(message: channel_pb2.Channel.Rules | listing_pb2.Listing.Overrides, field: str) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    if message.HasField("price_factor"):
        factor = Decimal(message.price_factor or "1")
        if not 0 < factor <= 100:
            raise InvalidArgument.of(f"{field}.price_factor", "lies above 0 and is at most 100")
        values["price_factor"] = factor
    if message.HasField("price_rounding"):
        values["price_rounding"] = Rounding(_Rounding.Name(message.price_rounding or _Rounding.CENT))
    if message.HasField("price_floor"):
        values["price_floor"] = Decimal(message.price_floor or "0")
    return values


def _schedule(message: channel_pb2.Channel.Schedule, field: str) -> Schedule:
    try:
        zone(message.time_zone or "UTC")
    except ValueError as error:
        raise InvalidArgument.of(f"{field}.time_zone", str(error)) from None
    for index, window in enumerate(message.windows):
        try:
            CronWindow.parse(window)
        except ValueError as error:
            raise InvalidArgument.of(f"{field}.windows[{index}]", str(error)) from None
    for index, quiet in enumerate(message.quiet_hours):
        try:
            QuietHours.parse(quiet.start, quiet.end)
        except ValueError as error:
            raise InvalidArgument.of(f"{field}.quiet_hours[{index}]", str(error)) from None
    return Schedule(
        time_zone=message.time_zone or "UTC",
        windows=tuple(message.windows),
        quiet_hours=tuple((quiet.start, quiet.end) for quiet in message.quiet_hours),
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
