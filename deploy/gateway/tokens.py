"""Access tokens at the edge: what certainly does not hold is refused before it costs a service anything.

Certain are: no token, no JWT, another algorithm, issuer or audience, an expired one, a wrong signature under a known key. A key
that the gateway does not know, or keys it could not fetch, prove nothing, since auth may have changed keys a moment ago: such
a call goes on to the service, which checks every token again and refuses what is wrong.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from deploy.gateway.encryption import towards_self
from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

CHECK = "envoy.filters.http.jwt_authn"
REFUSAL = "envoy.filters.http.rbac"
CLAIMS = "claims"
JWKS = "jwks"
JWKS_PATH = "/.well-known/jwks.json"
_FAILURE = "failure"
_REQUIREMENT = "signed_in"
_PROVIDER = "hub"
DOMAIN = "hub.usav"


@dataclass(frozen=True)
class Verdict:
    """Why a token is refused here, in the words of the services; `failures` is how Envoy puts it."""

    reason: str
    message: str
    failures: tuple[str, ...]


VERDICTS = (
    Verdict(
        "TOKEN_MISSING", "Sign in first: send the header `authorization: Bearer <access token>`.", ("Jwt is missing",)
    ),
    Verdict("TOKEN_EXPIRED", "The access token has expired; refresh it or sign in again.", ("Jwt is expired",)),
    Verdict(
        "TOKEN_INVALID",
        "The access token is not valid; sign in again.",
        (
            "Jwt verification fails",
            "Jwt issuer is not configured",
            "Audiences in Jwt are not allowed",
            "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
            "Jwt header is an invalid JSON",
            "Jwt header [alg] field is required and must be a string",
            "Jwt header [alg] is not supported",
            "Jwt header [kid] field is not a string",
            "Jwt header is an invalid Base64url encoded",
            "Jwt payload is an invalid Base64url encoded",
            "Jwt payload is an invalid JSON",
            "Jwt payload field [sub] is not a string",
            "Jwt payload field [iss] is not a string",
            "Jwt payload field [exp] is not an integer or is too large",
            "Jwt payload field [aud] is not a string or string list",
            "Jwt signature is an invalid Base64url encoded",
            "Jwt not yet valid",
        ),
    ),
)


def check_filter(settings: GatewaySettings) -> Config:
    """Checks the token where a route asks for it, and notes the claims or the failure for the filters after it."""
    provider = {
        "issuer": settings.token_issuer,
        "audiences": [settings.token_audience],
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": prefix} for prefix in ("Bearer ", "bearer ")],
        "payload_in_metadata": CLAIMS,
        "failed_status_in_metadata": _FAILURE,
        # As generous as the services are.
        "clock_skew_seconds": 5,
        "jwt_cache_config": {"jwt_cache_size": 2000, "jwt_max_token_size": 4096},
        "remote_jwks": {
            "http_uri": {"uri": f"http://{JWKS}{JWKS_PATH}", "cluster": JWKS, "timeout": "0.5s"},
            "cache_duration": f"{settings.jwks_seconds}s",
            # Fetched beside the calls, and anew five seconds before they are too old.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
        },
    }
    either = {"requires_any": {"requirements": [{"provider_name": _PROVIDER}, {"allow_missing_or_failed": {}}]}}
    return {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {_PROVIDER: provider},
        "requirement_map": {_REQUIREMENT: either},
    }


def signed_in() -> Config:
    """What makes one route ask for a token."""
    rules = {
        "action": "DENY",
        "policies": {verdict.reason: _policy(verdict) for verdict in VERDICTS},
    }
    return {
        CHECK: {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
            "requirement_name": _REQUIREMENT,
        },
        REFUSAL: {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
            "rbac": {"rules": rules},
        },
    }


def _policy(verdict: Verdict) -> Config:
    principal = {"sourced_metadata": {"metadata_matcher": _failure(verdict), "metadata_source": "DYNAMIC"}}
    return {"permissions": [{"any": True}], "principals": [principal]}


def _failure(verdict: Verdict) -> Config:
    texts = {"safe_regex": {"regex": "|".join(re.escape(text) for text in verdict.failures)}}
    path = [{"key": _FAILURE}, {"key": "message"}]
    return {"filter": CHECK, "path": path, "value": {"string_match": texts}}


def has_verdict(verdict: Verdict) -> Config:
    """The condition, for local replies, that a call was refused for this."""
    return {"metadata_filter": {"matcher": _failure(verdict), "match_if_key_not_found": False}}


def grpc_details(verdict: Verdict) -> str:
    """The same answer as gRPC carries it."""
    status = status_pb2.Status(code=16, message=verdict.message)
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=verdict.reason, domain=DOMAIN))
    status.details.append(detail)
    return base64.b64encode(status.SerializeToString()).decode().rstrip("=")


def jwks_cluster(settings: GatewaySettings) -> Config:
    """Leads the key fetcher to the gateway's own port, where auth's keys are to be had as JSON."""
    address = {"socket_address": {"address": _own_address(settings.bind), "port_value": settings.port}}
    return {
        "name": JWKS,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": JWKS,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        **towards_self(settings),
    }


def _own_address(bind: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)
