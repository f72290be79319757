"""Service accounts of the settings, and their secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_svc.domain.service_account import ServiceAccount, hash_secret, read_seeded_accounts
from auth_svc.domain.user import Role

SECRET = "a-secret-of-24-characters"
OTHER = "another-secret-of-the-kind"
ACCOUNT = ServiceAccount(1, "sync-svc", Role.SYSTEM_BOT, True, (hash_secret(SECRET), hash_secret(OTHER)))


def test_each_live_secret_opens_an_active_account() -> None:
    assert ACCOUNT.accepts(SECRET)
    assert ACCOUNT.accepts(OTHER)
    assert not ACCOUNT.accepts(SECRET.upper())
    assert not replace(ACCOUNT, is_active=False).accepts(SECRET)


def test_accounts_are_read_from_one_line_and_a_secret_may_hold_colons() -> None:
    accounts = read_seeded_accounts(f"sync-svc:{SECRET}:SYSTEM_BOT, report:{SECRET}:with:colons:SALES_REP,")
    assert [(item.client_id, item.role) for item in accounts] == [
        ("sync-svc", Role.SYSTEM_BOT),
        ("report", Role.SALES_REP),
    ]
    assert accounts[1].secret == f"{SECRET}:with:colons"
    assert SECRET not in repr(accounts)


@pytest.mark.parametrize(
    "text", ["sync-svc", f"sync-svc:{SECRET}", "sync-svc:short:ADMIN", f"s y:{SECRET}:ADMIN", f"sync:{SECRET}:BOSS"]
)
def test_a_malformed_account_is_refused_without_repeating_its_secret(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_seeded_accounts(text)
    assert SECRET not in str(caught.value)
