"""What eBay's errors mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_svc.channels.base import Outcome
from sync_svc.channels.codec import objects_of
from sync_svc.channels.http import Answer, Failure

CONCURRENT_ACCESS = "25025"
DATE_IN_FUTURE = "30850"
_SYSTEM_TROUBLE = frozenset({"25001", CONCURRENT_ACCESS, "30500", "195000"})
_NOT_FOUND = frozenset({"25702", "25710", "25713", "25725"})


def explain(answer: Answer) -> Failure | None:
    """Reads the error body, whichever of eBay's two shapes it has; None when it is neither."""
    body = answer.body
    if not isinstance(body, Mapping):
        return None
    errors = error_list(body)
    if errors:
        return failure_of(errors, answer.status)
    if isinstance(body.get("error"), str):
        # The token endpoint speaks OAuth: a refused grant is an account without access, whatever the status says.
        outcome = Outcome.RETRY if answer.status >= 500 else Outcome.AUTH
        return Failure(outcome, body["error"], str(body.get("error_description", body["error"])))
    return None


def error_list(body: Any) -> list[Mapping[str, Any]]:
    """The well-formed errors of an answer or of one element of a bulk answer."""
    return objects_of(body, "errors")


def failure_of(errors: Sequence[Mapping[str, Any]], status: int) -> Failure:
    """Sorts eBay's errors: trouble of its own is worth a retry, everything else waits for a change."""
    first = errors[0]
    codes = {str(error.get("errorId", "")) for error in errors}
    trouble = codes & _SYSTEM_TROUBLE
    message = str(first.get("longMessage") or first.get("message") or "no message")
    if trouble:
        return Failure(Outcome.RETRY, min(trouble), message)
    code = str(first.get("errorId", ""))
    if first.get("category") == "REQUEST" or 400 <= status < 500:
        return Failure(Outcome.PERMANENT, code, message)
    return Failure(Outcome.RETRY, code, message)


def is_not_found(code: str) -> bool:
    """Whether a code means that the item or the offer is not there (any more)."""
    return code in _NOT_FOUND or code == "http_404"
