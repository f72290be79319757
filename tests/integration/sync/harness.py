"""The sync service with its real interceptor on a loopback port, before the engine's fakes.

The access token of a test names its role: `bearer ADMIN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from usav.sync.v1 import sync_service_pb2, sync_service_pb2_grpc

from chassis.context import Principal
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from chassis.seal import Seal
from chassis.server import Registration, Running, Service, start
from chassis.settings import ServiceSettings
from chassis.tokens import TokenVerifier
from sync_svc.servicers import SyncServicer
from sync_svc.storage.tables import stored_answer
from tests.factories.sync.engine import Engine


class RoleTokens(TokenVerifier):
    """Takes the token for the role; "SALES_REP@1,2" is bound to two channels."""

    def cached(self, token: str) -> Principal | None:
        role, _, channels = token.partition("@")
        bounds = {"channels": frozenset(channels.split(","))} if channels else {}
        return Principal(user_id=f"user:{token}", username=token.lower(), role=role, bounds=bounds)


class Refused(Exception):
    """A call that ended with an error."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details())
        self.code = error.code()
        self.info = error_details_pb2.ErrorInfo()
        self.fields: list[str] = []
        status = rpc_status.from_call(error)
        for detail in status.details if status else ():
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                detail.Unpack(self.info)
            if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                bad = error_details_pb2.BadRequest()
                detail.Unpack(bad)
                self.fields += [violation.field for violation in bad.field_violations]

    @property
    def reason(self) -> str:
        return str(self.info.reason)


@dataclass
class SyncApi:
    """The service and a stub."""

    engine: Engine
    running: Running
    channel: grpc.aio.Channel
    stub: Any

    @classmethod
    async def start(cls, engine: Engine) -> SyncApi:
        servicer = SyncServicer(
            engine.desk, Idempotency(engine.db, stored_answer), PageTokens(Seal("seal")), engine.progress
        )
        descriptor = sync_service_pb2.DESCRIPTOR.services_by_name["SyncService"]
        service = Service(
            name="sync_svc",
            registrations=[Registration(descriptor, sync_service_pb2_grpc.add_SyncServiceServicer_to_server, servicer)],
            db=engine.db,
            migrations="sync_svc.migrations",
            fetch_keys=_no_keys,
            verifier=RoleTokens("", "", _no_keys),
        )
        running = await start(service, ServiceSettings(database_url=engine.db.url, seal_key="seal"))
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{running.port}")
        return cls(engine, running, channel, sync_service_pb2_grpc.SyncServiceStub(channel))

    async def call(
        self, method: str, request: Message, role: str = "ADMIN", headers: Mapping[str, str] | None = None
    ) -> Any:
        """One call. Raises Refused."""
        try:
            return await getattr(self.stub, method)(request, metadata=self.metadata(role, headers), timeout=20)
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from error

    def metadata(self, role: str = "ADMIN", headers: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
        """The metadata of a call by a role; an empty one is not signed in."""
        sign_in = [("authorization", f"Bearer {role}")] if role else []
        return [*sign_in, *(headers or {}).items()]

    async def stop(self) -> None:
        await self.channel.close()
        await self.running.stop()


async def _no_keys() -> list[dict[str, str]]:
    return []
