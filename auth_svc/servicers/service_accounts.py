"""The service accounts, for admins. A new secret stands in the stored answer sealed, and readable only in what is sent."""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import service_account_pb2

from auth_svc.convert.service_accounts import account_to_proto, keep_former_from_proto
from auth_svc.convert.users import role_from_proto
from auth_svc.domain.service_account import ServiceAccount
from auth_svc.domain.user import Role
from auth_svc.operations.manage_service_accounts import (
    create_service_account,
    delete_service_account,
    new_secret,
    rotate_secret,
)
from auth_svc.queries.service_accounts import list_service_accounts
from auth_svc.servicers.base import AuthRpcs
from chassis.page_tokens import page_size
from chassis.seal import Seal

_PURPOSE = "auth.client_secret"


class ServiceAccountRpcs(AuthRpcs):
    """ListServiceAccounts, CreateServiceAccount, RotateServiceAccountSecret, DeleteServiceAccount."""

    async def ListServiceAccounts(
        self, request: pb.ListServiceAccountsRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListServiceAccountsResponse:
        """One page, by id."""
        position = self.page_tokens.position(request)
        page = await list_service_accounts(
            self.runtime.db, after_id=position[0] if position else 0, most=page_size(request.page_size)
        )
        token = "" if page.is_last else self.page_tokens.seal(request, (page.items[-1].id,))
        at = self.runtime.clock()
        items = [account_to_proto(account, at) for account in page.items]
        return pb.ListServiceAccountsResponse(items=items, next_page_token=token, total_size=page.total)

    async def CreateServiceAccount(
        self, request: pb.CreateServiceAccountRequest, context: grpc.aio.ServicerContext
    ) -> service_account_pb2.ServiceAccount:
        """The account with its secret."""
        wanted = request.service_account

        async def work(conn: AsyncConnection) -> service_account_pb2.ServiceAccount:
            secret = new_secret()
            role = role_from_proto(wanted.role) or Role.SYSTEM_BOT
            account = await create_service_account(conn, wanted.client_id, role, secret, self.runtime.clock())
            return self._with_sealed(account, secret)

        return self._readable(await self.once.run(request, service_account_pb2.ServiceAccount, work))

    async def RotateServiceAccountSecret(
        self, request: pb.RotateServiceAccountSecretRequest, context: grpc.aio.ServicerContext
    ) -> service_account_pb2.ServiceAccount:
        """The account with its new secret."""
        keep = keep_former_from_proto(request)

        async def work(conn: AsyncConnection) -> service_account_pb2.ServiceAccount:
            secret = new_secret()
            account = await rotate_secret(conn, request.id, secret, keep, self.runtime.clock())
            return self._with_sealed(account, secret)

        return self._readable(await self.once.run(request, service_account_pb2.ServiceAccount, work))

    async def DeleteServiceAccount(
        self, request: pb.DeleteServiceAccountRequest, context: grpc.aio.ServicerContext
    ) -> Empty:
        """For good; what it did stays in the records."""

        async def work(conn: AsyncConnection) -> Empty:
            await delete_service_account(conn, request.id, self.runtime.clock())
            return Empty()

        return await self.once.run(request, Empty, work)

    def _with_sealed(self, account: ServiceAccount, secret: str) -> service_account_pb2.ServiceAccount:
        proto = account_to_proto(account, self.runtime.clock())
        proto.secret = Seal(self.seal_key).seal(secret.encode(), _PURPOSE)
        return proto

    def _readable(self, stored: service_account_pb2.ServiceAccount) -> service_account_pb2.ServiceAccount:
        secret = Seal(self.seal_key).open(stored.secret, _PURPOSE)
        if secret is None:
            # The hub's own key has changed since the first answer was stored.
            stored.ClearField("secret")
        else:
            stored.secret = secret.decode()
        return stored
