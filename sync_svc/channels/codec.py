"""What goes over the wire and comes back, as values: JSON with exact numbers, and Retry-After. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

MAX_RETRY_AFTER_S = 3600.0


def decimal_or_none(value: Any) -> Decimal | None:
    """Reads an amount, given as a number or as text; None when it is none."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def fields_of(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one for everything else, as a platform may send anything anywhere."""
    return value if isinstance(value, Mapping) else {}


def objects_of(value: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects in a list field of an object; what is no object, or no list, is left out."""
    listed = fields_of(value).get(name)
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []


def time_or_none(value: Any) -> datetime | None:
    """Reads an ISO 8601 time, as UTC where it names no zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def encode(json_body: Any) -> bytes | None:
    """Writes a body; None for none."""
    if json_body is None:
        return None
    return json.dumps(json_body, separators=(",", ":"), allow_nan=False, default=_number).encode()


def _number(value: object) -> float:
    # The shortest text of the nearest double is the decimal we meant, for any price of up to 15 digits.
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def decode(content: bytes | None) -> tuple[Any, bool]:
    """Returns the parsed body and whether it could be read; an empty body reads as None."""
    if content is None:
        return None, False
    if not content.strip():
        return None, True
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant), True
    except (ValueError, RecursionError):
        return None, False


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Reads Retry-After as seconds or as a date, within reason; None when absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else None


def _seconds_until(http_date: str) -> float:
    try:
        moment = parsedate_to_datetime(http_date)
    except ValueError:
        return float("nan")
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
