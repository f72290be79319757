"""Reading what a caller of Zoho sends: JSON bodies, numbers, dates, ids and paging, with the refusals Zoho gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs

from sandbox.wire import Answer, Call, Json
from sandbox.zoho.errors import INVALID_VALUE, invalid, refuse

_MOST_PER_PAGE = 200
_MOST_DIGITS = 19
_LARGEST = 10**12
_OFFSET = re.compile(r"([+-]\d\d):?(\d\d)$")
T = TypeVar("T")


def document(call: Call) -> Json:
    """The JSON object a call carries, bare or in the form field JSONString. Raises Refused."""
    raw: str | bytes = call.body
    if "form" in call.headers.get("Content-Type", ""):
        raw = (parse_qs(call.body.decode("utf-8", "replace")).get("JSONString") or [""])[0]
    try:
        body = Call("", "", body=raw.encode() if isinstance(raw, str) else raw).parsed() if raw else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise refuse(400, INVALID_VALUE, "JSON is not well formed")
    return body


def text(body: Json, name: str, most: int = 2000) -> str:
    """A string of the body, empty when absent. Raises Refused."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise invalid(name)
    return value


def number(body: Json, name: str, default: float = 0.0) -> float:
    """A number of the body; one written as text is taken too. Raises Refused."""
    value = body.get(name, default)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise invalid(name) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise invalid(name)
    return value


def whole(body: Json, name: str) -> int:
    """A whole number of the body; 5.0 is one. Raises Refused."""
    value = number(body, name)
    if value != int(value):
        raise invalid(name)
    return int(value)


def identifier(value: object, name: str) -> str:
    """An id, given as number or text. Raises Refused."""
    found = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (found.isascii() and found.isdecimal()) or len(found) > _MOST_DIGITS:
        raise invalid(name)
    return found


def objects(body: Json, name: str) -> list[Json]:
    """A list of at least one object. Raises Refused."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise invalid(name)
    return value


def day(body: Json, name: str) -> str:
    """A date as `2026-01-31`. Raises Refused."""
    value = body.get(name)
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        raise invalid(name) from None


def listed_ids(call: Call, name: str) -> list[str]:
    """Ids of the query, parted by commas. Raises Refused."""
    return [identifier(part.strip(), name) for part in call.query.get(name, "").split(",")]


def moment(value: str, name: str) -> float:
    """`yyyy-MM-ddTHH:mm:ssZ` as Unix seconds. Raises Refused."""
    try:
        parsed = datetime.fromisoformat(_OFFSET.sub(r"\1:\2", value.replace(" ", "+")))
    except ValueError:
        raise invalid(name) from None
    if parsed.tzinfo is None:
        raise invalid(name)
    return parsed.timestamp()


def written(seconds: float) -> str:
    """A time as Zoho writes it: whole seconds and an offset without a colon."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def amount(value: float) -> float | int:
    """A number as it goes out: 5, not 5.0."""
    return int(value) if value == int(value) else float(Decimal(str(value)))


def paged(call: Call, name: str, found: Sequence[T], show: Any) -> Answer:
    """A page of a list with its `page_context`; `show` turns an entry into a document. Raises Refused."""
    page, size = _positive(call, "page", 1), min(_positive(call, "per_page", _MOST_PER_PAGE), _MOST_PER_PAGE)
    start = (page - 1) * size
    context = {
        "page": page,
        "per_page": size,
        "has_more_page": start + size < len(found),
        "sort_column": call.query.get("sort_column", "created_time"),
        "sort_order": call.query.get("sort_order", "D"),
    }
    items = [show(entry) for entry in found[start : start + size]]
    return Answer(200, {"code": 0, "message": "success", name: items, "page_context": context})


def _positive(call: Call, name: str, default: int) -> int:
    value = call.query.get(name, str(default))
    found = int(value[:9]) if value.isascii() and value.isdecimal() else 0
    if found < 1:
        raise invalid(name)
    return found
