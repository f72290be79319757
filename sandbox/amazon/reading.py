"""Reading what a seller sends: JSON bodies, lists and times of the query, with the refusals Amazon gives."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from sandbox.amazon.errors import invalid_input, refuse
from sandbox.wire import Call, Json

MARKETPLACE_ID = "ATVPDKIKX0DER"


def document(call: Call) -> Json:
    """The JSON object a call carries. Raises Refused: 415 without the content type, 400 for anything else."""
    if not call.headers.get("Content-Type", "").lower().startswith("application/json"):
        raise refuse(415, "UnsupportedMediaType", "The content type must be application/json.")
    try:
        body = call.parsed()
    except (ValueError, RecursionError):
        raise invalid_input("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise invalid_input("The request body must be a JSON object.")
    return body


def text(body: Json, name: str, most: int = 2000) -> str:
    """A required string of the body. Raises Refused."""
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > most:
        raise invalid_input(f"'{name}' is missing or not valid.")
    return value


def objects(body: Json, name: str) -> list[Json]:
    """A list of at least one object. Raises Refused."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise invalid_input(f"'{name}' must be a list of objects.")
    return value


def listed(call: Call, name: str) -> list[str]:
    """A list of the query, parted by commas or repeated."""
    pairs = parse_qsl(call.raw_query) if call.raw_query else list(call.query.items())
    return [part for key, value in pairs if key == name for part in value.split(",") if part]


def choices(call: Call, name: str, known: Collection[str], default: Collection[str] = ()) -> list[str]:
    """A list of the query whose entries are all known. Raises Refused."""
    found = listed(call, name)
    unknown = next((entry for entry in found if entry not in known), None)
    if unknown is not None:
        raise invalid_input(f"'{unknown}' is not a valid value for '{name}'.")
    return found or list(default)


def require_marketplace(call: Call, *, most: int | None = None) -> None:
    """Raises Refused unless `marketplaceIds` names the seller's marketplace."""
    found = listed(call, "marketplaceIds")
    if not found or (most is not None and len(found) > most):
        raise invalid_input("'marketplaceIds' is missing or names too many.")
    check_marketplaces(found)


def check_marketplaces(found: Collection[Any]) -> None:
    """Raises Refused when the seller does not sell in one of the marketplaces."""
    if any(entry != MARKETPLACE_ID for entry in found):
        raise invalid_input("The seller does not participate in one of the marketplaces.")


def count(call: Call, name: str, default: int, most: int) -> int:
    """A whole number of the query from 1. Raises Refused."""
    value = call.query.get(name, str(default))
    found = int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else 0
    if not 1 <= found <= most:
        raise invalid_input(f"'{name}' must be a number from 1 to {most}.")
    return found


def moment(call: Call, name: str) -> float | None:
    """A time of the query in Unix seconds, None when it is not given. Raises Refused."""
    value = call.query.get(name)
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        raise invalid_input(f"'{name}' is not an ISO 8601 time.") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
