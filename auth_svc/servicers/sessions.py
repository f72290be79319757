"""Sessions: the caller's own, anybody's for admins, and the feed of ended ones for the hub's services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.auth.v1 import auth_service_pb2 as pb

from auth_svc.convert.sessions import checkpoint_step, keys_step, revocation_step, session_to_proto
from auth_svc.domain.errors import SessionNotFound
from auth_svc.domain.revocation import EndedSessions
from auth_svc.operations.end_sessions import end_all_sessions, end_session
from auth_svc.operations.watch_revocations import PublishedKeys
from auth_svc.queries.sessions import SessionPage, list_sessions, position_of
from auth_svc.queries.users import get_user
from auth_svc.servicers.base import AuthRpcs
from chassis.context import current_call
from chassis.page_tokens import page_size

_NOBODY = 0


class SessionRpcs(AuthRpcs):
    """ListMySessions, EndMySession, ListUserSessions, EndUserSession, EndUserSessions, WatchRevocations."""

    async def ListMySessions(
        self, request: pb.ListMySessionsRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListMySessionsResponse:
        """One page, newest first."""
        page, token = await self._page(request, _own_id())
        own = current_call().principal.session_id
        items = [session_to_proto(session, own) for session in page.items]
        return pb.ListMySessionsResponse(items=items, next_page_token=token, total_size=page.total)

    async def ListUserSessions(
        self, request: pb.ListUserSessionsRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListUserSessionsResponse:
        """One page, newest first."""
        user = await get_user(self.runtime.db, request.user_id)
        page, token = await self._page(request, user.id)
        own = current_call().principal.session_id
        items = [session_to_proto(session, own) for session in page.items]
        return pb.ListUserSessionsResponse(items=items, next_page_token=token, total_size=page.total)

    async def EndMySession(self, request: pb.EndMySessionRequest, context: grpc.aio.ServicerContext) -> Empty:
        """Also the session of the call itself."""
        user_id = _own_id()
        if user_id == _NOBODY:
            raise SessionNotFound(request.id)
        return await self._end(request, user_id, request.id)

    async def EndUserSession(self, request: pb.EndUserSessionRequest, context: grpc.aio.ServicerContext) -> Empty:
        """Anybody's."""
        return await self._end(request, request.user_id, request.id)

    async def EndUserSessions(self, request: pb.EndUserSessionsRequest, context: grpc.aio.ServicerContext) -> Empty:
        """All of a user's."""

        async def work(conn: AsyncConnection) -> Empty:
            await end_all_sessions(conn, request.user_id, self.runtime.clock())
            return Empty()

        return await self.once.run(request, Empty, work)

    async def WatchRevocations(
        self, request: pb.WatchRevocationsRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.WatchRevocationsResponse]:
        """The keys and all that matters first, then what comes."""
        async for step in self.revocations.follow():
            if isinstance(step, EndedSessions):
                yield revocation_step(step, self.revocations.forgettable_at(step))
            elif isinstance(step, PublishedKeys):
                yield keys_step(step.keys)
            else:
                yield checkpoint_step(step.at)

    async def _page(
        self, request: pb.ListMySessionsRequest | pb.ListUserSessionsRequest, user_id: int
    ) -> tuple[SessionPage, str]:
        before = self.page_tokens.position(request)
        most = page_size(request.page_size)
        page = await list_sessions(self.runtime.db, user_id, self.runtime.clock(), before, most)
        return page, "" if page.is_last else self.page_tokens.seal(request, position_of(page.items[-1]))

    async def _end(
        self, request: pb.EndMySessionRequest | pb.EndUserSessionRequest, user_id: int, session_id: str
    ) -> Empty:
        async def work(conn: AsyncConnection) -> Empty:
            await end_session(conn, user_id, session_id.lower(), self.runtime.clock())
            return Empty()

        return await self.once.run(request, Empty, work)


def _own_id() -> int:
    """The id of the calling user; 0, which no user has, for a service account."""
    user_id = current_call().principal.user_id
    return int(user_id) if user_id.isdecimal() else _NOBODY
