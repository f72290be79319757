"""Reading what a caller of the control plane asks for, and refusing it with a sentence that names the field."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.wire import Answer, Call, Json, Refused


def bad_request(message: str, status: int = 400, **details: object) -> Refused:
    """A refusal of the control plane."""
    return Refused(Answer(status, {"error": message, **details}))


def json_object(call: Call) -> Json:
    """The JSON object of a call; no body is an empty one. Raises Refused."""
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object")
    return body


def platform_of(query: Mapping[str, str]) -> str:
    """The platform a query names, empty when it names none."""
    return str(query.get("platform", "")).upper()


def whole_number(call: Call, name: str, default: int) -> int:
    """A whole number of the query. Raises Refused."""
    text = call.query.get(name, str(default))
    if not text.isdecimal():
        raise bad_request(f"{name}: expected a whole number")
    return int(text)


def seconds_of(call: Call, name: str, default: float) -> float:
    """A span of the query in seconds. Raises Refused."""
    try:
        value = float(call.query.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise bad_request(f"{name}: expected seconds")
    return value
