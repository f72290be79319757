"""Service accounts of the settings, and which secrets an account accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth_svc.domain.errors import AccountFromSettings, TooManySecrets
from auth_svc.domain.service_account import (
    MOST_SECRETS,
    AccountSecret,
    ServiceAccount,
    hash_secret,
    read_seeded_accounts,
)
from auth_svc.domain.user import Role

SECRET, OTHER = "s" * 24, "o" * 24
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NEWEST = AccountSecret(2, hash_secret(OTHER), False, NOW)
FORMER = AccountSecret(1, hash_secret(SECRET), False, NOW, expires_at=NOW + timedelta(hours=1))
ACCOUNT = ServiceAccount(1, "sync-svc", Role.SYSTEM_BOT, True, NOW, None, (NEWEST, FORMER))


def test_every_live_secret_opens_the_account() -> None:
    assert ACCOUNT.accepted(SECRET, NOW) is FORMER
    assert ACCOUNT.accepted(OTHER, NOW) is NEWEST
    assert ACCOUNT.accepted(SECRET.upper(), NOW) is None
    assert replace(ACCOUNT, is_active=False).accepted(SECRET, NOW) is None


def test_a_secret_past_its_end_opens_nothing() -> None:
    assert ACCOUNT.accepted(SECRET, NOW + timedelta(hours=1)) is None
    assert ACCOUNT.accepted(OTHER, NOW + timedelta(days=1000)) is NEWEST


def test_what_the_settings_name_is_changed_there() -> None:
    ACCOUNT.check_not_from_settings()
    with pytest.raises(AccountFromSettings, match="HUB_SERVICE_ACCOUNTS"):
        replace(ACCOUNT, secrets=(replace(NEWEST, is_from_settings=True),)).check_not_from_settings()


def test_an_account_has_so_many_live_secrets_and_no_more() -> None:
    full = replace(ACCOUNT, secrets=(NEWEST,) * (MOST_SECRETS - 1) + (FORMER,))
    with pytest.raises(TooManySecrets):
        full.check_room(NOW)
    full.check_room(NOW + timedelta(hours=1))


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
