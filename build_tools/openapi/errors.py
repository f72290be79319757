"""How errors look as JSON: google.rpc.Status, the same from every service and from the gateway itself."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_DETAIL_TYPES = "ErrorInfo, BadRequest, PreconditionFailure, RetryInfo"

STATUS_SCHEMA: Json = {
    "type": "object",
    "description": "google.rpc.Status.",
    "properties": {
        "code": {"type": "integer", "format": "int32", "description": "The gRPC status code, such as 5 for NOT_FOUND."},
        "message": {"type": "string", "description": "What is wrong, for people, and what to do next."},
        "details": {
            "type": "array",
            "description": f"For programs: {_DETAIL_TYPES} of google.rpc, told apart by @type.",
            "items": {
                "type": "object",
                "properties": {"@type": {"type": "string"}},
                "required": ["@type"],
                "additionalProperties": True,
            },
        },
    },
    "required": ["code", "message"],
}

# HTTP status: name of the response, description, gRPC code, message, reason, domain.
_RESPONSES: dict[str, tuple[str, str, int, str, str, str]] = {
    "400": (
        "Invalid",
        "A field breaks its rule (BadRequest names it), or the state forbids the call (the reason says why).",
        3,
        "page_size must not be negative",
        "FIELD_INVALID",
        "hub.usav",
    ),
    "401": (
        "Unauthenticated",
        "No access token, or one past its time.",
        16,
        "Sign in first",
        "TOKEN_MISSING",
        "hub.usav",
    ),
    "403": (
        "Forbidden",
        "The caller's role may not do this.",
        7,
        "The role SALES_REP may not call this",
        "ROLE_NOT_ALLOWED",
        "hub.usav",
    ),
    "404": ("NotFound", "There is no such thing.", 5, "There is no variant 17", "VARIANT_NOT_FOUND", "catalog.usav"),
    "409": (
        "Conflict",
        "The name is taken, the etag is stale, or another call won the race.",
        10,
        "It has changed since it was read; read it again",
        "ETAG_MISMATCH",
        "hub.usav",
    ),
    "429": (
        "TooMany",
        "Too many calls; RetryInfo tells how long to wait.",
        8,
        "Too many failed sign-ins; wait a little",
        "TOO_MANY_CALLS",
        "hub.usav",
    ),
    "503": (
        "Unavailable",
        "A part of the hub does not answer; the same call may be tried again.",
        14,
        "The database is restarting",
        "DATABASE_UNAVAILABLE",
        "hub.usav",
    ),
}


def component_responses() -> Json:
    """The responses that operations refer to, by name."""
    return {values[0]: _response(*values[1:]) for values in _RESPONSES.values()}


def responses_for(*, is_public: bool, has_variables: bool, changes: bool) -> Json:
    """The error responses that a call can give, by HTTP status."""
    statuses = ["400", *([] if is_public else ["401", "403"])]
    statuses += ["404"] if has_variables else []
    statuses += ["409"] if changes else []
    return {status: {"$ref": f"#/components/responses/{_RESPONSES[status][0]}"} for status in [*statuses, "429", "503"]}


def _response(description: str, code: int, message: str, reason: str, domain: str) -> Json:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": {}}
    return {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/google.rpc.Status"},
                "example": {"code": code, "message": message, "details": [info]},
            }
        },
    }
