"""What the gateway itself answers, in the shape of every other error of the hub: google.rpc.Status as JSON.

Native gRPC calls are left alone: the gateway already turns their errors into a grpc-status with the plain text as message.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any

from deploy.gateway import tokens
from deploy.gateway.rates import RETRY_SECONDS

Config = dict[str, Any]

DOMAIN = "gateway.usav"
_DETAILS = "grpc-status-details-bin"
_FROM_ENVOY = "%LOCAL_REPLY_BODY%"


@dataclass(frozen=True)
class Reply:
    """How one HTTP status of the gateway's own is told. `code` is the google.rpc.Code."""

    status: int
    code: int
    reason: str
    message: str


REPLIES = (
    Reply(400, 3, "REQUEST_MALFORMED", f"The request cannot be read: {_FROM_ENVOY}"),
    Reply(403, 7, "REQUEST_REFUSED", "The gateway refuses this request."),
    Reply(404, 5, "PATH_UNKNOWN", "There is nothing at %REQ(:METHOD)% %PATH(NQ)%; /api/v1/docs lists what there is."),
    Reply(
        405, 12, "METHOD_NOT_ALLOWED", "%PATH(NQ)% does not take %REQ(:METHOD)%; the allow header lists what it takes."
    ),
    Reply(408, 4, "REQUEST_TOO_SLOW", "The request did not arrive in time."),
    Reply(413, 8, "REQUEST_TOO_LARGE", "The body is larger than the hub takes in one request."),
    Reply(415, 3, "CONTENT_TYPE_UNKNOWN", "The hub takes application/json here."),
    Reply(426, 12, "PROTOCOL_TOO_OLD", "The hub speaks HTTP/1.1 and HTTP/2."),
    Reply(429, 8, "TOO_MANY_REQUESTS", "Too many requests; try again a little later."),
    Reply(431, 8, "HEADERS_TOO_LARGE", "The headers, the path among them, are larger than the hub takes."),
    Reply(500, 13, "GATEWAY_ERROR", "The gateway could not handle the request; its id finds it in the logs."),
    Reply(501, 12, "REQUEST_UNSUPPORTED", "The gateway does not support this kind of request."),
    Reply(502, 14, "SERVICE_UNAVAILABLE", "The service broke off its answer; try again a little later."),
    Reply(503, 14, "SERVICE_UNAVAILABLE", "The service behind this path does not answer; try again a little later."),
    Reply(504, 4, "DEADLINE_EXCEEDED", "The service did not answer within the deadline."),
)


def local_replies() -> Config:
    """The mappers, one per status, for callers that do not speak gRPC themselves."""
    refusals = (made for verdict in tokens.VERDICTS for made in _refusals(verdict))
    return {"mappers": [*refusals, *(_mapper(reply) for reply in REPLIES)]}


def _refusals(verdict: tokens.Verdict) -> tuple[Config, ...]:
    """A token refused at the edge reads as if the service had refused it, whatever the caller speaks."""
    refused = [_has_status(403), tokens.has_verdict(verdict)]
    as_json = _body(Reply(401, 16, verdict.reason, verdict.message), tokens.DOMAIN)
    return (
        {
            "filter": {"and_filter": {"filters": [*refused, _SPEAKS_JSON]}},
            "status_code": 401,
            "body_format_override": {"json_format": as_json, "content_type": "application/json"},
        },
        # Envoy makes a grpc-status of an answer to gRPC, but not to gRPC-web, where that is a frame of the body.
        {
            "filter": {"and_filter": {"filters": [*refused, _SPEAKS_GRPC_WEB]}},
            "status_code": 200,
            "body": {"inline_bytes": _web_frame(verdict)},
            "body_format_override": {
                "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
                "content_type": "application/grpc-web+proto",
            },
        },
        {
            "filter": {"and_filter": {"filters": refused}},
            "status_code": 401,
            "body": {"inline_string": verdict.message},
            "headers_to_add": [{"header": {"key": _DETAILS, "value": tokens.grpc_details(verdict)}}],
        },
    )


def _web_frame(verdict: tokens.Verdict) -> str:
    """The trailers of a gRPC-web answer as the body has them, in base64 for the configuration."""
    trailers = {"grpc-status": "16", "grpc-message": verdict.message, _DETAILS: tokens.grpc_details(verdict)}
    text = "".join(f"{name}: {value}\r\n" for name, value in trailers.items()).encode()
    return base64.b64encode(struct.pack(">BI", 0x80, len(text)) + text).decode()


def _mapper(reply: Reply) -> Config:
    body = _body(reply)
    if reply.status == 429:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": f"{RETRY_SECONDS}s"}
        body["details"].append(retry)
    return {
        "filter": {"and_filter": {"filters": [_has_status(reply.status), _SPEAKS_JSON]}},
        "body_format_override": {"json_format": body, "content_type": "application/json"},
    }


def _body(reply: Reply, domain: str = DOMAIN) -> Config:
    return {
        "code": reply.code,
        "message": reply.message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reply.reason,
                "domain": domain,
                "metadata": {},
            },
            {
                "@type": "type.googleapis.com/google.rpc.RequestInfo",
                "request_id": "%REQ(X-REQUEST-ID)%",
                "serving_data": "",
            },
        ],
    }


def _has_status(status: int) -> Config:
    value = {"default_value": status, "runtime_key": "local_reply.status"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _header_filter(name: str, **match: Any) -> Config:
    return {"header_filter": {"header": {"name": name, **match}}}


# The transcoder has given a JSON request the content type of gRPC by the time some errors arise; the path it kept tells.
_SPEAKS_JSON: Config = {
    "or_filter": {
        "filters": [
            _header_filter(
                "content-type",
                string_match={"prefix": "application/grpc"},
                invert_match=True,
                treat_missing_header_as_empty=True,
            ),
            _header_filter("x-envoy-original-path", present_match=True),
        ]
    }
}

_SPEAKS_GRPC_WEB = _header_filter("content-type", string_match={"prefix": "application/grpc-web"})
