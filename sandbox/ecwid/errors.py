"""Ecwid's error answers: a status, a message, sometimes a code."""

from __future__ import annotations

from typing import Any

from sandbox.wire import Answer, Call, Json, Refused


def failure(status: int, message: str, code: str = "", **headers: str) -> Answer:
    """An error answer."""
    body: Json = {"errorMessage": message}
    if code:
        body["errorCode"] = code
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refuse(status: int, message: str, code: str = "") -> Refused:
    """The same as a refusal."""
    return Refused(failure(status, message, code))


def json_body(call: Call) -> Any:
    """The JSON a call carries. Raises Refused: 415 for another content type, 400 when it is not JSON."""
    kind = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in {"application/json", "text/json"}:
        raise refuse(415, "Unsupported content-type: expected application/json or text/json")
    try:
        return call.parsed()
    except ValueError:
        raise refuse(400, "Request body is not valid JSON") from None


def json_object(call: Call) -> Json:
    """The same, when it must be an object."""
    body = json_body(call)
    if not isinstance(body, dict):
        raise refuse(400, "Request body must be a JSON object")
    return body


def number_of(call: Call, name: str) -> int:
    """A numeric path variable. Raises Refused with 400."""
    text = call.params[name]
    if not text.isdecimal():
        raise refuse(400, f"Wrong numeric parameter '{name}' value: not a number or a number out of range")
    return int(text)


def paging(call: Call) -> tuple[int, int]:
    """(limit, offset); at most and by default 100 entries. Raises Refused with 400."""
    try:
        limit, offset = int(call.query.get("limit", 100)), int(call.query.get("offset", 0))
    except ValueError:
        raise refuse(400, "Wrong numeric parameter 'limit' or 'offset'") from None
    if offset < 0 or limit < 1:
        raise refuse(400, "Wrong numeric parameter 'limit' or 'offset': out of range")
    return min(limit, 100), offset


def page(items: list[Json], total: int, limit: int, offset: int) -> Answer:
    """A page of search results."""
    return Answer(200, {"total": total, "count": len(items), "offset": offset, "limit": limit, "items": items})
