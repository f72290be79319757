"""What every signed-in caller may see and do about himself."""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.auth.v1 import auth_service_pb2, user_pb2

from auth_svc.convert.users import client_to_user, user_to_proto
from auth_svc.operations.change_my_password import change_my_password, check_password_change
from auth_svc.queries.users import get_user
from auth_svc.servicers.base import AuthRpcs, caller_address
from chassis.context import current_call


class OwnAccountRpcs(AuthRpcs):
    """GetMe, ChangeMyPassword."""

    async def GetMe(self, request: auth_service_pb2.GetMeRequest, context: grpc.aio.ServicerContext) -> user_pb2.User:
        """The caller as it is now, not as the token says."""
        principal = current_call().principal
        if not principal.user_id.isdecimal():
            return client_to_user(principal)
        return user_to_proto(await get_user(self.runtime.db, int(principal.user_id)))

    async def ChangeMyPassword(
        self, request: auth_service_pb2.ChangeMyPasswordRequest, context: grpc.aio.ServicerContext
    ) -> Empty:
        """Hashes first, then stores under the request id."""
        change = await check_password_change(
            self.runtime, request.current_password, request.new_password, caller_address()
        )

        async def work(conn: AsyncConnection) -> Empty:
            await change_my_password(conn, change, self.runtime.clock())
            return Empty()

        return await self.once.run(request, Empty, work, body=self.blinded(request))
