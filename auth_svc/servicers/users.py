"""The users, for admins."""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.auth.v1 import auth_service_pb2, user_pb2

from auth_svc.convert.users import (
    changes_from_proto,
    filter_from_proto,
    role_from_proto,
    scope_from_proto,
    user_to_proto,
)
from auth_svc.domain.password import check_new_password
from auth_svc.domain.user import NO_SCOPE, NewUser, Role
from auth_svc.operations import manage_users
from auth_svc.queries.users import get_user, list_users
from auth_svc.servicers.base import AuthRpcs
from chassis.page_tokens import page_size


class UserRpcs(AuthRpcs):
    """ListUsers, CreateUser, GetUser, UpdateUser, DeleteUser, ActivateUser, DeactivateUser."""

    async def ListUsers(
        self, request: auth_service_pb2.ListUsersRequest, context: grpc.aio.ServicerContext
    ) -> auth_service_pb2.ListUsersResponse:
        """One page, by id."""
        position = self.page_tokens.position(request)
        page = await list_users(
            self.runtime.db,
            filter_from_proto(request),
            after_id=position[0] if position else 0,
            most=page_size(request.page_size),
        )
        token = "" if page.is_last else self.page_tokens.seal(request, (page.items[-1].id,))
        items = [user_to_proto(user) for user in page.items]
        return auth_service_pb2.ListUsersResponse(items=items, next_page_token=token, total_size=page.total)

    async def GetUser(
        self, request: auth_service_pb2.GetUserRequest, context: grpc.aio.ServicerContext
    ) -> user_pb2.User:
        """One user."""
        return user_to_proto(await get_user(self.runtime.db, request.id))

    async def CreateUser(
        self, request: auth_service_pb2.CreateUserRequest, context: grpc.aio.ServicerContext
    ) -> user_pb2.User:
        """Hashes first, then stores under the request id."""
        wanted = request.user
        check_new_password(wanted.password, wanted.username, "user.password")
        new = NewUser(
            username=wanted.username,
            full_name=wanted.full_name,
            role=role_from_proto(wanted.role) or Role.SALES_REP,
            is_active=wanted.is_active if wanted.HasField("is_active") else True,
            password_hash=await self.runtime.hasher.hash(wanted.password),
            scope=scope_from_proto(wanted.scope) if wanted.HasField("scope") else NO_SCOPE,
        )

        async def work(conn: AsyncConnection) -> user_pb2.User:
            return user_to_proto(await manage_users.create_user(conn, new, self.runtime.clock()))

        return await self.once.run(request, user_pb2.User, work, body=self.blinded(request))

    async def UpdateUser(
        self, request: auth_service_pb2.UpdateUserRequest, context: grpc.aio.ServicerContext
    ) -> user_pb2.User:
        """Hashes a new password first, then stores under the request id."""
        user_id, etag = request.user.id, request.user.etag
        wanted = changes_from_proto(request.user, request.update_mask)
        password = wanted.pop("password", None)
        if password is not None:
            username = wanted.get("username") or (await get_user(self.runtime.db, user_id)).username
            check_new_password(password, username, "user.password")
            wanted["password_hash"] = await self.runtime.hasher.hash(password)

        async def work(conn: AsyncConnection) -> user_pb2.User:
            user = await manage_users.update_user(conn, user_id, etag, wanted, self.runtime.clock())
            return user_to_proto(user)

        return await self.once.run(request, user_pb2.User, work, body=self.blinded(request))

    async def DeleteUser(self, request: auth_service_pb2.DeleteUserRequest, context: grpc.aio.ServicerContext) -> Empty:
        """For good; the id is never used again."""

        async def work(conn: AsyncConnection) -> Empty:
            await manage_users.delete_user(conn, request.id, request.etag, self.runtime.clock())
            return Empty()

        return await self.once.run(request, Empty, work)

    async def ActivateUser(
        self, request: auth_service_pb2.ActivateUserRequest, context: grpc.aio.ServicerContext
    ) -> user_pb2.User:
        """The user, active."""

        async def work(conn: AsyncConnection) -> user_pb2.User:
            return user_to_proto(await manage_users.set_active(conn, request.id, True, self.runtime.clock()))

        return await self.once.run(request, user_pb2.User, work)

    async def DeactivateUser(
        self, request: auth_service_pb2.DeactivateUserRequest, context: grpc.aio.ServicerContext
    ) -> user_pb2.User:
        """The user, deactivated."""

        async def work(conn: AsyncConnection) -> user_pb2.User:
            return user_to_proto(await manage_users.set_active(conn, request.id, False, self.runtime.clock()))

        return await self.once.run(request, user_pb2.User, work)
