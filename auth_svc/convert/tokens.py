"""Tokens and keys: protos to domain and back; and the JSON bodies of the OAuth endpoints, as RFC 6749 section 5 writes them."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any

from google.api import httpbody_pb2
from usav.auth.v1 import auth_service_pb2, token_pb2

from auth_svc.convert.times import timestamp
from auth_svc.domain.errors import OAuthRefusal
from auth_svc.domain.token_request import TokenRequest
from auth_svc.operations.token_mint import IssuedTokens

# RFC 6749 section 5.2 allows these characters only.
_NOT_IN_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")


def token_request_from_proto(request: auth_service_pb2.IssueTokenRequest) -> TokenRequest:
    """The grant of a gRPC client."""
    return TokenRequest(**{name: getattr(request, name) for name in TokenRequest.__dataclass_fields__})


def tokens_to_proto(tokens: IssuedTokens) -> token_pb2.TokenResponse:
    """The tokens for a gRPC client."""
    return token_pb2.TokenResponse(
        access_token=tokens.access_token,
        token_type="Bearer",
        expires_in=tokens.expires_in_s,
        refresh_token=tokens.refresh_token,
    )


def tokens_to_body(tokens: IssuedTokens) -> httpbody_pb2.HttpBody:
    """The tokens as RFC 6749 section 5.1 writes them."""
    values: dict[str, Any] = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_s,
    }
    if tokens.refresh_token is not None:
        values["refresh_token"] = tokens.refresh_token
    return _json_body(values)


def refusal_to_body(error: OAuthRefusal) -> httpbody_pb2.HttpBody:
    """The refusal as RFC 6749 section 5.2 writes it."""
    description = _NOT_IN_DESCRIPTION.sub("?", error.message)
    return _json_body({"error": error.oauth_error, "error_description": description})


def refusal_headers(error: OAuthRefusal) -> list[tuple[str, str]]:
    """The headers of a refusal; the gateway makes the first one the status of the answer."""
    headers = [("x-hub-http-status", str(error.http_status))]
    if error.http_status == 401:
        headers.append(("www-authenticate", 'Basic realm="usav-hub", charset="UTF-8"'))
    if error.retry_after_s is not None:
        headers.append(("retry-after", str(max(1, math.ceil(error.retry_after_s)))))
    return headers


def jwks_to_proto(keys: list[dict[str, str]]) -> token_pb2.JwkSet:
    """The public keys."""
    return token_pb2.JwkSet(keys=[token_pb2.Jwk(**key) for key in keys])


def signing_key_to_proto(key_id: str, created_at: datetime, signs_from: datetime) -> token_pb2.SigningKey:
    """A key as admins see it."""
    return token_pb2.SigningKey(kid=key_id, create_time=timestamp(created_at), sign_time=timestamp(signs_from))


def _json_body(values: dict[str, Any]) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(values).encode())
