"""What Zoho's answers mean. Pure.

Every answer of the API carries a `code`, 0 for success, and that decides: an error may come with status 200. The token endpoint
says `error` instead, mostly with status 200, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.channels.codec import fields_of
from sync_svc.channels.http import Answer, Failure

NOT_FOUND = "1002"
TAKEN = "1001"
PER_MINUTE = "44"
PER_DAY = "45"
TOO_MANY_TOKENS = "too_many_tokens"
TOKEN_REFUSED = frozenset({"14", "http_401"})
MINUTE_S = 60.0
# No answer says when the day turns, so it is tried again every hour.
DAY_S = 3600.0
_INTERNAL = "1000"
# A bad token, an organization that is not the user's, and a scope that is missing: no call of this account can succeed.
_ACCOUNT_TROUBLE = frozenset({"6", "14", "57"})
_DAY_WORDS = ("per day", "a day", "daily", "24 hours")


def explain(answer: Answer) -> Failure | None:
    """Reads an answer; None when it is no error, or leaves the sorting to the status."""
    body = fields_of(answer.body)
    if isinstance(body.get("error"), str):
        return _token_failure(body, answer.status)
    if answer.status == 429:
        code = PER_DAY if is_about_the_day(body) else PER_MINUTE
        return Failure(Outcome.RETRY, code, _message(body) or "Too many requests.")
    code = _code(body)
    if code in ("", "0"):
        return None
    message = _message(body) or f"Zoho refused with code {code}."
    if answer.status == 404:
        return Failure(Outcome.PERMANENT, NOT_FOUND, message)
    return Failure(_outcome(code, answer.status), code, message)


def silence_after(answer: Answer) -> float:
    """How long the organization's quota is used up after a 429: the minute's, or the day's, which only the text tells."""
    return DAY_S if is_about_the_day(fields_of(answer.body)) else MINUTE_S


def is_about_the_day(body: Mapping[str, Any]) -> bool:
    """Whether an answer says that the requests of the day are used up."""
    text = _message(body).casefold()
    return _code(body) == PER_DAY or any(words in text for words in _DAY_WORDS)


def may_have_counted(error: ChannelError) -> bool:
    """Whether a write that failed so may have been applied all the same: no answer, or one of Zoho's own trouble."""
    return error.outcome is Outcome.UNKNOWN or error.code == _INTERNAL or error.code.startswith("http_5")


def _outcome(code: str, status: int) -> Outcome:
    if code in _ACCOUNT_TROUBLE:
        return Outcome.AUTH
    if code in (_INTERNAL, PER_MINUTE, PER_DAY) or status >= 500:
        return Outcome.RETRY
    return Outcome.PERMANENT


def _token_failure(body: Mapping[str, Any], status: int) -> Failure:
    text = str(body.get("error_description") or body["error"])
    if "too many" in text.casefold():
        return Failure(Outcome.RETRY, TOO_MANY_TOKENS, text)
    return Failure(Outcome.RETRY if status >= 500 else Outcome.AUTH, str(body["error"]), text)


def _code(body: Mapping[str, Any]) -> str:
    code = body.get("code")
    return str(code) if isinstance(code, int | str) and not isinstance(code, bool) else ""


def _message(body: Mapping[str, Any]) -> str:
    message = body.get("message")
    return message if isinstance(message, str) else ""
