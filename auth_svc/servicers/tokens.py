"""Tokens and keys. The endpoints of OAuth answer raw bodies, because the RFCs fix their form and status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc
from google.api import httpbody_pb2
from usav.auth.v1 import auth_service_pb2, token_pb2

from auth_svc.convert.tokens import (
    jwks_to_proto,
    refusal_headers,
    refusal_to_body,
    token_request_from_proto,
    tokens_to_body,
    tokens_to_proto,
)
from auth_svc.domain.errors import OAuthRefusal, TokenRequestInvalid
from auth_svc.domain.token_request import read_parameters, read_token_request
from auth_svc.operations.issue_token import issue_token
from auth_svc.operations.refresh_tokens import revoke_token
from auth_svc.servicers.base import AuthRpcs, caller_address
from chassis.context import current_call

_NO_STORE = [("cache-control", "no-store"), ("pragma", "no-cache")]
_KEYS_MAY_BE_KEPT = [("cache-control", "public, max-age=300")]

Work = Callable[[], Awaitable[httpbody_pb2.HttpBody]]


class TokenRpcs(AuthRpcs):
    """IssueToken, ExchangeToken, RevokeToken, GetJwks."""

    async def IssueToken(
        self, request: auth_service_pb2.IssueTokenRequest, context: grpc.aio.ServicerContext
    ) -> token_pb2.TokenResponse:
        """A refusal is a gRPC status here."""
        tokens = await issue_token(self.runtime, token_request_from_proto(request), caller_address())
        return tokens_to_proto(tokens)

    async def ExchangeToken(
        self, request: auth_service_pb2.ExchangeTokenRequest, context: grpc.aio.ServicerContext
    ) -> httpbody_pb2.HttpBody:
        """A refusal is a body with its status in a header here."""

        async def work() -> httpbody_pb2.HttpBody:
            authorization = dict(context.invocation_metadata() or ()).get("authorization", "")
            grant = read_token_request(request.form.data, request.form.content_type, str(authorization))
            return tokens_to_body(await issue_token(self.runtime, grant, caller_address()))

        return await _answer(context, work)

    async def RevokeToken(
        self, request: auth_service_pb2.RevokeTokenRequest, context: grpc.aio.ServicerContext
    ) -> httpbody_pb2.HttpBody:
        """Answers an empty object whether or not there was such a token."""

        async def work() -> httpbody_pb2.HttpBody:
            token = read_parameters(request.form.data, request.form.content_type).get("token", "")
            if not token:
                raise TokenRequestInvalid("token", "is missing")
            await revoke_token(self.runtime, token)
            return httpbody_pb2.HttpBody(content_type="application/json", data=b"{}")

        return await _answer(context, work)

    async def GetJwks(
        self, request: auth_service_pb2.GetJwksRequest, context: grpc.aio.ServicerContext
    ) -> token_pb2.JwkSet:
        """The public keys."""
        keys = await self.keys.published()
        await context.send_initial_metadata(_KEYS_MAY_BE_KEPT)
        return jwks_to_proto(keys)


async def _answer(context: grpc.aio.ServicerContext, work: Work) -> httpbody_pb2.HttpBody:
    headers = _NO_STORE
    try:
        body = await work()
    except OAuthRefusal as refusal:
        # The rpc itself ends well; the log line and the metrics tell of the refusal.
        current_call().code = refusal.code.value
        body = refusal_to_body(refusal)
        headers = [*headers, *refusal_headers(refusal)]
    await context.send_initial_metadata(headers)
    return body
