"""What the gateway itself answers, in the shape of every other error of the hub: google.rpc.Status as JSON.

Native gRPC calls are left alone: the gateway already turns their errors into a grpc-status with the plain text as message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

DOMAIN = "gateway.usav"
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
    return {"mappers": [_mapper(reply) for reply in REPLIES]}


def _mapper(reply: Reply) -> Config:
    return {
        "filter": {"and_filter": {"filters": [_has_status(reply.status), _SPEAKS_JSON]}},
        "body_format_override": {"json_format": _body(reply), "content_type": "application/json"},
    }


def _body(reply: Reply) -> Config:
    return {
        "code": reply.code,
        "message": reply.message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reply.reason,
                "domain": DOMAIN,
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
