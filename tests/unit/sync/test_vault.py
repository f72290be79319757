"""Secrets at rest."""

from __future__ import annotations

import pytest

from sync_svc.vault import SecretsUnreadable, Vault

PLACE = {"platform": "EBAY", "account": "MEKONG", "use": "credentials"}
SECRETS = {"refresh_token": "v^1.1#secret"}


def test_what_was_sealed_is_opened() -> None:
    vault = Vault(b"k" * 32)
    assert vault.open(vault.seal(SECRETS, **PLACE), **PLACE) == SECRETS
    assert vault.open(None, **PLACE) == {}


def test_the_same_secrets_look_different_each_time_and_show_nothing() -> None:
    vault = Vault(b"k" * 32)
    first, second = vault.seal(SECRETS, **PLACE), vault.seal(SECRETS, **PLACE)
    assert first != second
    assert b"secret" not in first


def test_former_key_opens_and_the_present_one_seals() -> None:
    former, present, both = Vault(b"f" * 32), Vault(b"p" * 32), Vault(b"p" * 32, [b"x" * 32, b"f" * 32])
    assert both.open(former.seal(SECRETS, **PLACE), **PLACE) == SECRETS
    assert present.open(both.seal(SECRETS, **PLACE), **PLACE) == SECRETS
    with pytest.raises(SecretsUnreadable):
        present.open(former.seal(SECRETS, **PLACE), **PLACE)


@pytest.mark.parametrize("change", [{"account": "USAV"}, {"platform": "ECWID"}, {"use": "webhook"}])
def test_another_channel_cannot_open_them(change: dict[str, str]) -> None:
    vault = Vault(b"k" * 32)
    with pytest.raises(SecretsUnreadable):
        vault.open(vault.seal(SECRETS, **PLACE), **{**PLACE, **change})


def test_another_key_and_altered_bytes_are_refused() -> None:
    sealed = Vault(b"k" * 32).seal(SECRETS, **PLACE)
    with pytest.raises(SecretsUnreadable):
        Vault(b"x" * 32).open(sealed, **PLACE)
    with pytest.raises(SecretsUnreadable):
        Vault(b"k" * 32).open(sealed[:-1] + bytes([sealed[-1] ^ 1]), **PLACE)
