"""Events: protos to domain and back."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from usav.auth.v1 import auth_service_pb2, event_pb2

from auth_svc.convert.times import timestamp
from auth_svc.domain.event import Event
from auth_svc.queries.events import EventFilter
from chassis.errors import InvalidArgument


def event_to_proto(event_id: int, event: Event) -> event_pb2.Event:
    """One event as admins see it."""
    proto = event_pb2.Event(
        id=event_id,
        event_time=timestamp(event.happened_at),
        kind=event_pb2.Event.Kind.Value(event.kind.value),
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        subject_id=event.subject_id,
        subject_name=event.subject_name,
        address=event.address,
        request_id=event.request_id,
    )
    proto.before.update(dict(event.before))
    proto.after.update(dict(event.after))
    return proto


def event_filter_from_proto(request: auth_service_pb2.ListEventsRequest) -> EventFilter:
    """The filters of a list request. Raises InvalidArgument for a time that is none."""
    return EventFilter(
        kinds=tuple(event_pb2.Event.Kind.Name(kind) for kind in request.kinds),
        subject_id=request.subject_id,
        actor_id=request.actor_id,
        address=request.address,
        from_time=_moment("from_time", request.from_time) if request.HasField("from_time") else None,
        to_time=_moment("to_time", request.to_time) if request.HasField("to_time") else None,
    )


def _moment(field: str, proto: Timestamp) -> datetime:
    try:
        return proto.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument.of(field, "is no time between the years 1 and 9999") from None
