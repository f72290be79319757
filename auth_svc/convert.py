"""Protos to domain and back; and the JSON bodies of the OAuth endpoints, as RFC 6749 section 5 writes them."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any

from google.api import httpbody_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from usav.auth.v1 import auth_service_pb2, token_pb2, user_pb2

from auth_svc.domain.errors import OAuthRefusal
from auth_svc.domain.token_request import TokenRequest
from auth_svc.domain.user import Role, User
from auth_svc.operations.token_mint import IssuedTokens
from auth_svc.queries import UserFilter
from chassis import field_masks
from chassis.context import Principal
from chassis.errors import InvalidArgument
from chassis.etags import etag

_ALL = frozenset({"username", "full_name", "role", "is_active"})
_UPDATABLE = _ALL | {"password"}
_READ_ONLY = frozenset({"id", "etag", "create_time", "update_time", "last_sign_in_time"})
# RFC 6749 section 5.2 allows these characters only.
_NOT_IN_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")


def user_to_proto(user: User) -> user_pb2.User:
    """The user as callers see it: without the password."""
    proto = user_pb2.User(
        id=user.id,
        username=user.username,
        full_name=user.full_name,
        role=user_pb2.User.Role.Value(user.role.value),
        is_active=user.is_active,
        create_time=_timestamp(user.created_at),
        update_time=_timestamp(user.updated_at),
        etag=etag(user.version),
    )
    if user.last_sign_in_at is not None:
        proto.last_sign_in_time.CopyFrom(_timestamp(user.last_sign_in_at))
    return proto


def client_to_user(principal: Principal) -> user_pb2.User:
    """A service account, shown as the user it is not."""
    role = user_pb2.User.Role.Value(principal.role)
    return user_pb2.User(username=principal.username, full_name="", role=role, is_active=True)


def role_from_proto(role: user_pb2.User.Role.ValueType) -> Role | None:
    """None for the unspecified one."""
    return None if role == user_pb2.User.ROLE_UNSPECIFIED else Role(user_pb2.User.Role.Name(role))


def filter_from_proto(request: auth_service_pb2.ListUsersRequest) -> UserFilter:
    """The filters of a list request."""
    return UserFilter(
        role=role_from_proto(request.role),
        is_active=request.is_active if request.HasField("is_active") else None,
        username_prefix=request.username_prefix,
    )


def changes_from_proto(user: user_pb2.User, mask: FieldMask) -> dict[str, Any]:
    """The wanted values by field name, `password` still in plain. Raises InvalidArgument for one that is left empty."""
    updatable = _ALL if "*" in mask.paths else _UPDATABLE
    wanted = field_masks.changes(user, mask, updatable=updatable, ignored=_READ_ONLY)
    if wanted.get("full_name", "") is None:
        wanted["full_name"] = ""
    for name, value in wanted.items():
        if value is None:
            raise InvalidArgument.of(f"user.{name}", "is in the update mask and needs a value")
    if "role" in wanted:
        wanted["role"] = role_from_proto(wanted["role"])
    return wanted


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


def _json_body(values: dict[str, Any]) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(values).encode())


def _timestamp(moment: datetime) -> Timestamp:
    proto = Timestamp()
    proto.FromDatetime(moment)
    return proto
