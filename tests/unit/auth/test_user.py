"""What may be changed of a user, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from auth_svc.domain.errors import OwnAccount
from auth_svc.domain.user import Role, User, changes_of, check_deletable, ends_sessions, public_view

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ADA = User(7, "ada", "Ada", Role.ADMIN, True, "hash", NOW, NOW, None, 1)


def test_only_what_differs_is_a_change() -> None:
    assert changes_of(ADA, {"full_name": "Ada", "role": Role.SALES_REP, "id": 9}, "1") == {"role": Role.SALES_REP}


@pytest.mark.parametrize("wanted", [{"is_active": False}, {"role": Role.SALES_REP}, {"password_hash": "new"}])
def test_nobody_takes_rights_from_himself(wanted: dict[str, Any]) -> None:
    with pytest.raises(OwnAccount):
        changes_of(ADA, wanted, "7")


def test_everybody_may_change_the_own_names() -> None:
    assert changes_of(ADA, {"full_name": "Ada L.", "is_active": True}, "7") == {"full_name": "Ada L."}


def test_nobody_deletes_himself() -> None:
    check_deletable(ADA, "8")
    with pytest.raises(OwnAccount):
        check_deletable(ADA, "7")


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({"is_active": False}, True),
        ({"is_active": True}, False),
        ({"role": Role.ADMIN}, True),
        ({"password_hash": "x"}, True),
        ({"full_name": "x", "username": "y"}, False),
    ],
)
def test_sessions_end_when_rights_or_password_change(changes: dict[str, Any], ends: bool) -> None:
    assert ends_sessions(changes) is ends


def test_the_audit_trail_never_gets_the_password() -> None:
    assert public_view({"password_hash": "secret", "role": Role.ADMIN}) == {
        "password_hash": "(changed)",
        "role": "ADMIN",
    }
