"""Errors that say what is wrong, why, and what to do next. Standard library only, so that domains may raise them.

    HubError
      InvalidArgument  NotFound  AlreadyExists  FailedPrecondition  Aborted  OutOfRange
      PermissionDenied  Unauthenticated  ResourceExhausted  Unavailable  DeadlineExceeded

A service subclasses one of these per reason of its error_reason.proto; `chassis.status` turns them into google.rpc.Status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Code(StrEnum):
    """The canonical gRPC status codes an operation may end with."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field (or, for a failed precondition, one subject) and what is wrong with it."""

    field: str
    description: str


class HubError(Exception):
    """The base: a code, a reason, a message for people and metadata for programs.

    `domain` is the service whose ErrorReason enum holds the reason; the chassis's own reasons have "hub.usav".
    """

    code: Code = Code.INTERNAL
    reason: str = "INTERNAL_ERROR"
    domain: str = "hub.usav"

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] = _NOTHING,
        violations: Sequence[Violation] = (),
        retry_after_s: float | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s
        if reason is not None:
            self.reason = reason


class InvalidArgument(HubError):
    """The request cannot be right whatever the state of the hub."""

    code = Code.INVALID_ARGUMENT
    reason = "FIELD_INVALID"

    @classmethod
    def of(cls, field: str, description: str) -> InvalidArgument:
        """Builds the error for one field."""
        return cls(f"{field}: {description}", violations=(Violation(field, description),))


class NotFound(HubError):
    """The named resource is not there."""

    code = Code.NOT_FOUND


class AlreadyExists(HubError):
    """A value that must be unique is taken."""

    code = Code.ALREADY_EXISTS
    reason = "VALUE_TAKEN"


class FailedPrecondition(HubError):
    """The state of the hub does not allow it now."""

    code = Code.FAILED_PRECONDITION


class Aborted(HubError):
    """Somebody else was quicker: a stale etag or a lost race. Reading again and retrying is right."""

    code = Code.ABORTED
    reason = "TRANSACTION_CONFLICT"


class OutOfRange(HubError):
    """A position that is no longer, or not yet, there."""

    code = Code.OUT_OF_RANGE


class PermissionDenied(HubError):
    """Known, but not allowed."""

    code = Code.PERMISSION_DENIED
    reason = "ROLE_NOT_ALLOWED"


class Unauthenticated(HubError):
    """Not known: no token, or one that does not hold."""

    code = Code.UNAUTHENTICATED
    reason = "TOKEN_INVALID"


class ResourceExhausted(HubError):
    """A quota or a limit is reached."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_CALLS"


class Unavailable(HubError):
    """Something the call needs is down; the same call may be tried again."""

    code = Code.UNAVAILABLE
    reason = "SERVICE_UNAVAILABLE"


class DeadlineExceeded(HubError):
    """Time ran out before the answer."""

    code = Code.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"
