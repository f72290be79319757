"""The audit trail, for admins."""

from __future__ import annotations

import grpc
from usav.auth.v1 import auth_service_pb2

from auth_svc.convert.events import event_filter_from_proto, event_to_proto
from auth_svc.queries.events import list_events
from auth_svc.servicers.base import AuthRpcs
from chassis.page_tokens import page_size


class EventRpcs(AuthRpcs):
    """ListEvents."""

    async def ListEvents(
        self, request: auth_service_pb2.ListEventsRequest, context: grpc.aio.ServicerContext
    ) -> auth_service_pb2.ListEventsResponse:
        """One page, newest first."""
        position = self.page_tokens.position(request)
        page = await list_events(
            self.runtime.db,
            event_filter_from_proto(request),
            before_id=position[0] if position else None,
            most=page_size(request.page_size),
        )
        token = "" if page.is_last else self.page_tokens.seal(request, (page.items[-1][0],))
        items = [event_to_proto(event_id, event) for event_id, event in page.items]
        return auth_service_pb2.ListEventsResponse(items=items, next_page_token=token, total_size=page.total)
