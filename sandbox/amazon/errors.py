"""Amazon's error list, and the refusals the sandbox answers with."""

from __future__ import annotations

from sandbox.wire import Answer, Refused


def failure(status: int, code: str, message: str, details: str = "") -> Answer:
    """An answer with one error."""
    return Answer(status, {"errors": [{"code": code, "message": message, "details": details}]})


def refuse(status: int, code: str, message: str, details: str = "") -> Refused:
    """The same as a refusal."""
    return Refused(failure(status, code, message, details))


def invalid_input(message: str) -> Refused:
    """400: a value of the request is not right."""
    return refuse(400, "InvalidInput", message)


def denied(details: str) -> Refused:
    """403: no token, an expired one, or one for something else."""
    return refuse(403, "Unauthorized", "Access to requested resource is denied.", details)


def quota_exceeded(details: str = "") -> Refused:
    """429, without saying for how long."""
    return refuse(429, "QuotaExceeded", "You exceeded your quota for the requested resource.", details)


def not_found(what: str) -> Refused:
    """404."""
    return refuse(404, "NotFound", f"{what} not found.")
