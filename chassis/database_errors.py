"""Turns what Postgres and its drivers raise into errors a caller can act on, by constraint name and SQLSTATE.

No message of the database leaves the hub. SQLSTATE classes: PostgreSQL documentation, appendix A.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    HubError,
    InvalidArgument,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class ConstraintDetail:
    """The constraint that refused a row. `message` and `detail` are the database's: for choosing, not for passing on."""

    name: str
    table: str
    column: str
    message: str
    detail: str
    sqlstate: str


Constraints = Mapping[str, Callable[[ConstraintDetail], HubError]]

RETRYABLE = frozenset({"40001", "40P01"})
# What asyncpg raises on a connection the server has ended: the second when its farewell has come but not yet the end.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_UNAVAILABLE = frozenset({"57P01", "57P02", "57P03", "57P05", "53300", "25006", "3D000", "28P01", "28000"})


def sqlstate_of(error: BaseException) -> str:
    """The SQLSTATE of a driver's or SQLAlchemy's error, or ""."""
    original = _original(error)
    return str(getattr(original, "sqlstate", "") or "")


def _original(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def is_database_error(error: BaseException) -> bool:
    """Whether `translate` knows what to make of it."""
    return isinstance(error, (asyncpg.PostgresError, *LOST, SQLAlchemyError, ConnectionError))


def translate(error: BaseException, constraints: Constraints) -> HubError | None:
    """The hub's error for a database error; None when it is the hub's own fault and belongs in the log."""
    original = _original(error)
    state = sqlstate_of(error)
    if state:
        return _by_state(state, original, constraints)
    if isinstance(original, asyncpg.DataError | ValueError | UnicodeError):
        return _refused()
    lost = isinstance(original, (OSError, *LOST, TimeoutError, PoolTimeout, InterfaceError))
    if lost or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return _down()
    return None


def _by_state(state: str, error: BaseException, constraints: Constraints) -> HubError | None:
    if state.startswith("23"):
        return _by_constraint(state, error, constraints)
    if state in RETRYABLE or state == "55P03":
        return Aborted("Another change was in the way; read again and retry.", retry_after_s=0.05)
    if state == "57014":
        return DeadlineExceeded(
            "The database did not answer in time; retry with a longer deadline or a smaller request."
        )
    if state.startswith(("08", "53")) or state in _UNAVAILABLE:
        return _down()
    if state.startswith("22"):
        return _refused()
    return None


def _by_constraint(state: str, error: BaseException, constraints: Constraints) -> HubError:
    detail = ConstraintDetail(
        name=getattr(error, "constraint_name", None) or "",
        table=getattr(error, "table_name", None) or "",
        column=getattr(error, "column_name", None) or "",
        message=str(getattr(error, "message", "") or ""),
        detail=str(getattr(error, "detail", "") or ""),
        sqlstate=state,
    )
    build = constraints.get(detail.name)
    if build is not None:
        return build(detail)
    metadata = {"constraint": detail.name} if detail.name else {}
    if state == "23505":
        return AlreadyExists("A value that has to be unique is taken already.", metadata=metadata)
    if state == "23503":
        return FailedPrecondition(
            "Another row refers to this one, or the row it refers to is not there.",
            metadata=metadata,
            reason="REFERENCE_VIOLATED",
        )
    return InvalidArgument("A value breaks a rule of the database.", metadata=metadata, reason="VALUE_REFUSED")


def _refused() -> HubError:
    return InvalidArgument(
        "A value is out of range or holds a character that cannot be stored.", reason="VALUE_REFUSED"
    )


def _down() -> HubError:
    return Unavailable(
        "The database is not reachable just now; try again.", reason="DATABASE_UNAVAILABLE", retry_after_s=0.5
    )
