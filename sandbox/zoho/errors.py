"""Zoho's answers: `code` and `message` beside the object, 0 for success, and the codes the sandbox can refuse with."""

from __future__ import annotations

from sandbox.wire import Answer, Json, Refused

INTERNAL = 1000
TAKEN = 1001
NOT_FOUND = 1002
INVALID_VALUE = 4
NO_ORGANIZATION = 6
TOKEN_INVALID = 14
NOT_ALLOWED = 57
PER_MINUTE = 44
PER_DAY = 45
NOT_POSSIBLE = 9


def success(message: str, status: int = 200, **body: object) -> Answer:
    """A success."""
    return Answer(status, {"code": 0, "message": message, **body})


def failure(status: int, code: int, message: str) -> Answer:
    """An error answer."""
    return Answer(status, {"code": code, "message": message})


def refuse(status: int, code: int, message: str) -> Refused:
    """The same as a refusal."""
    return Refused(failure(status, code, message))


def invalid(field: str) -> Refused:
    """400: a value of the request is not right."""
    return refuse(400, INVALID_VALUE, f"Invalid value passed for {field}")


def unknown(what: str) -> Refused:
    """404: there is nothing of that id."""
    return refuse(404, NOT_FOUND, f"{what} does not exist.")


def bare_ids(document: Json) -> Json:
    """The document with ids as bare numbers, longer than a double can hold, the way Zoho's examples show them."""
    return {name: _bare(name, value) for name, value in document.items()}


def _bare(name: str, value: object) -> object:
    if isinstance(value, dict):
        return bare_ids(value)
    if isinstance(value, list):
        return [_bare(name, entry) for entry in value]
    is_id = name.endswith("_id") and isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if is_id and isinstance(value, str) else value
