"""What Amazon's answers mean. Pure.

Three shapes: the API's list of errors, the token endpoint's OAuth error, and the queue's. A listing may be refused with 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_svc.channels.base import OVER_QUOTA, Outcome
from sync_svc.channels.codec import objects_of
from sync_svc.channels.http import Answer, Failure

INVALID = "INVALID"
NOT_FOUND = "not_found"
NOT_TAKEN = frozenset({OVER_QUOTA, "QuotaExceeded", "ConnectError", "ConnectTimeout", "PoolTimeout"})
"""Codes of calls that were certainly not carried out."""
_UNKNOWN_SKU = "13013"
_MOST_ISSUES = 5


def explain(answer: Answer) -> Failure | None:
    """Reads an answer; None when it is no error, or leaves the sorting to the status."""
    body = answer.body
    if not isinstance(body, Mapping):
        return None
    if isinstance(body.get("error"), str):
        return _token_failure(body, answer.status)
    errors = objects_of(body, "errors")
    if errors:
        return _failure(errors[0], answer)
    if isinstance(body.get("__type"), str):
        code = body["__type"].rpartition("#")[2]
        return Failure(_outcome(answer), code, str(body.get("message") or code))
    if answer.ok and body.get("status") == INVALID:
        issues = objects_of(body, "issues")
        return Failure(Outcome.PERMANENT, issue_code(issues), issue_text(issues) or "Amazon refused without a reason.")
    return None


def only_the_operation(answer: Answer) -> None:
    """After a 429: Amazon counts each operation for itself, so the rest of the account goes on."""


def is_unknown_sku(code: str) -> bool:
    """Whether a code says that there is no listing of the SKU."""
    return code in (NOT_FOUND, _UNKNOWN_SKU, "http_404")


def serious(issues: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The issues that keep something from being shown."""
    return [issue for issue in issues if issue.get("severity") == "ERROR"]


def issue_text(issues: list[Mapping[str, Any]]) -> str:
    """Amazon's own words, the errors first."""
    texts = [str(issue.get("message") or "") for issue in serious(issues) or issues]
    return " ".join(list(dict.fromkeys(text for text in texts if text))[:_MOST_ISSUES])


def issue_code(issues: list[Mapping[str, Any]]) -> str:
    """The code of the first error."""
    first = (serious(issues) or issues or [{}])[0]
    return str(first.get("code") or INVALID)


def _failure(error: Mapping[str, Any], answer: Answer) -> Failure:
    code = str(error.get("code") or f"http_{answer.status}")
    words = [str(error.get(name) or "") for name in ("message", "details")]
    if answer.status == 404:
        code = NOT_FOUND
    return Failure(_outcome(answer), code, " ".join(word for word in words if word) or code)


def _outcome(answer: Answer) -> Outcome:
    if answer.status in (401, 403):
        return Outcome.AUTH
    # An error within a success says nothing of whose fault it is; trying again later is the safe reading.
    return Outcome.PERMANENT if 400 <= answer.status < 500 and answer.status != 429 else Outcome.RETRY


def _token_failure(body: Mapping[str, Any], status: int) -> Failure:
    text = str(body.get("error_description") or body["error"])
    is_passing = status >= 500 or status == 429 or body["error"] in ("server_error", "temporarily_unavailable")
    return Failure(Outcome.RETRY if is_passing else Outcome.AUTH, body["error"], text)
