"""A lost connection is UNAVAILABLE, however the driver says so."""

import asyncpg
import pytest

from chassis.database_errors import is_database_error, translate
from chassis.errors import Code


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_lost_connection_is_unavailable(error: Exception) -> None:
    assert is_database_error(error)
    told = translate(error, {})
    assert told is not None
    assert (told.code, told.reason) == (Code.UNAVAILABLE, "DATABASE_UNAVAILABLE")
