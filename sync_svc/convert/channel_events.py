"""The audit trail of channels: protos to domain and back."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from usav.sync.v1 import channel_event_pb2

from chassis.errors import InvalidArgument
from sync_svc.convert.common import object_to_proto, timestamp
from sync_svc.domain.channel_event import ChannelEvent
from sync_svc.queries.channel_events import ChannelEventFilter

_KIND = channel_event_pb2.ChannelEvent.Kind


def channel_event_to_proto(event_id: int, event: ChannelEvent) -> channel_event_pb2.ChannelEvent:
    """One event as admins see it."""
    return channel_event_pb2.ChannelEvent(
        id=event_id,
        event_time=timestamp(event.happened_at),
        kind=_KIND.Value(event.kind.value),
        channel_id=event.channel_id,
        channel_name=event.channel_name,
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        address=event.address,
        request_id=event.request_id,
        before=object_to_proto(event.before),
        after=object_to_proto(event.after),
    )


def channel_event_filter(request: channel_event_pb2.ListChannelEventsRequest) -> ChannelEventFilter:
    """The filters of a list request. Raises InvalidArgument for a time that is none."""
    return ChannelEventFilter(
        channel_id=request.channel_id,
        kinds=tuple(_KIND.Name(kind) for kind in request.kinds),
        actor_id=request.actor_id,
        from_time=_moment("from_time", request.from_time) if request.HasField("from_time") else None,
        to_time=_moment("to_time", request.to_time) if request.HasField("to_time") else None,
    )


def _moment(field: str, proto: Timestamp) -> datetime:
    try:
        return proto.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument.of(field, "is no time between the years 1 and 9999") from None
