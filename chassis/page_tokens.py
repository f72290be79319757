"""Keyset paging: a page token is the sealed key of the last row, bound to the query it belongs to (AIP-158)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from google.protobuf.message import Message

from chassis.errors import InvalidArgument, Violation
from chassis.seal import Seal

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


class PageTokenInvalid(InvalidArgument):
    """The token is altered, or belongs to a query with other filters."""

    reason = "PAGE_TOKEN_INVALID"


def page_size(requested: int) -> int:
    """0 means the default, too large is clamped; negative is an error. Raises InvalidArgument."""
    if requested < 0:
        raise InvalidArgument.of("page_size", "must not be negative; 0 means the default of 50")
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def fingerprint(request: Message) -> str:
    """What a list request asks for, leaving out its page fields: two pages of one query share it."""
    copy = type(request)()
    copy.CopyFrom(request)
    for name in ("page_token", "page_size"):
        copy.ClearField(name)
    digest = hashlib.sha256(copy.SerializeToString(deterministic=True)).hexdigest()
    return f"page:{request.DESCRIPTOR.full_name}:{digest}"


class PageTokens:
    """Seals and opens page tokens. Positions are tuples of JSON values (text, whole numbers, None)."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def seal(self, request: Message, position: tuple[Any, ...]) -> str:
        """The token of the page that starts behind `position`."""
        return self._seal.seal(json.dumps(position).encode(), fingerprint(request))

    def position(self, request: Message) -> tuple[Any, ...] | None:
        """Where the asked page starts; None for the first. Raises PageTokenInvalid."""
        token: str = request.page_token  # type: ignore[attr-defined]  # every list request has it; a contract test checks
        if not token:
            return None
        opened = self._seal.open(token, fingerprint(request))
        if opened is None:
            text = "is not a token of this list with these filters; start again without it"
            raise PageTokenInvalid(f"page_token: {text}", violations=(Violation("page_token", text),))
        return tuple(json.loads(opened))
