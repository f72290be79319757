"""The signing keys, for admins."""

from __future__ import annotations

import grpc
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.auth.v1 import auth_service_pb2, token_pb2

from auth_svc.convert.tokens import signing_key_to_proto
from auth_svc.operations.rotate_keys import replace_keys, rotate_keys
from auth_svc.servicers.base import AuthRpcs


class KeyRpcs(AuthRpcs):
    """RotateKeys."""

    async def RotateKeys(
        self, request: auth_service_pb2.RotateKeysRequest, context: grpc.aio.ServicerContext
    ) -> token_pb2.SigningKey:
        """The key that takes over."""

        async def work(conn: AsyncConnection) -> token_pb2.SigningKey:
            at = self.runtime.clock()
            if request.at_once:
                key = await replace_keys(conn, self.keys.seal, at)
            else:
                key = await rotate_keys(conn, self.keys.seal, self.key_policy, at)
            return signing_key_to_proto(key.key_id, key.created_at, key.signs_from)

        answer = await self.once.run(request, token_pb2.SigningKey, work)
        await self.keys.reload()
        return answer
