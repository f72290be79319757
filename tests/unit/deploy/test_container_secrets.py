"""Secrets of a hub in containers: made once, none shown to the wrong process, nothing out of a sample taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from auth_svc.settings import AuthSettings
from chassis.settings import load
from deploy.backup.hub_secrets import find_secrets
from deploy.containers.passwords import parse_password
from deploy.containers.secrets import main
from deploy.local.settings import ROOT
from deploy.local.state import StateFolder
from inventory_svc.settings import InventorySettings
from sync_svc.settings import SyncSettings

Make = Callable[..., int]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    def run(**given: str) -> int:
        for name in (
            "HUB_ADMIN_PASSWORD",
            "POSTGRES_PASSWORD",
            "HUB_ROLE_SECRET",
            "HUB_SEAL_KEY",
            "HUB_CREDENTIAL_KEY",
        ):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["secrets", str(tmp_path)])
        return main()

    return run


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_second_run_changes_nothing(make: Make, tmp_path: Path) -> None:
    assert make() == 0
    before = contents(tmp_path)
    assert make() == 0
    assert contents(tmp_path) == before


def test_services_start_from_their_folders(make: Make, tmp_path: Path) -> None:
    assert make(HUB_DATABASE="a:1,b:2/hub", HUB_ADMIN_PASSWORD="long-and-odd-one-47") == 0
    common = {"HUB_DATABASE_URL_FILE": "database_url", "HUB_SEAL_KEY_FILE": "seal_key"}
    auth = load(
        AuthSettings,
        _files(
            tmp_path / "auth",
            {**common, "HUB_SERVICE_ACCOUNTS_FILE": "service_accounts", "HUB_ADMIN_PASSWORD_FILE": "admin_password"},
        ),
    )
    others = {**common, "HUB_CLIENT_SECRET_FILE": "client_secret"}
    inventory = load(InventorySettings, _files(tmp_path / "inventory", others))
    sync = load(SyncSettings, _files(tmp_path / "sync", {**others, "HUB_CREDENTIAL_KEY_FILE": "credential_key"}))
    assert auth.admin_password == "long-and-odd-one-47"
    assert {account.client_id: account.secret for account in auth.service_accounts}[
        "inventory-svc"
    ] == inventory.client_secret
    assert inventory.database_url.startswith("postgresql://hub_inventory:")
    assert inventory.database_url.endswith("@a:1,b:2/hub")
    assert len({auth.seal_key, inventory.seal_key, sync.seal_key}) == 1
    assert len(sync.credential_keys) == 1


def test_a_pooler_stands_before_the_database_for_services_only(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pooler = {"HUB_DATABASE": "db:5432/hub", "HUB_DATABASE_POOLER": "pooler:6432/hub"}
    assert make(**pooler) == 2
    assert "HUB_DATABASE_POOL_MODE" in capsys.readouterr().err
    assert make(**pooler, HUB_DATABASE_POOL_MODE="transaction") == 0
    shown = {
        name: (tmp_path / name).read_text() for name in ("sync/database_url", "sync/direct_url", "migrate/database_url")
    }
    assert {name: url.rpartition("@")[2] for name, url in shown.items()} == {
        "sync/database_url": "pooler:6432/hub",
        "sync/direct_url": "db:5432/hub",
        "migrate/database_url": "db:5432/hub",
    }
    assert len({shown["sync/database_url"].partition("@")[0], shown["sync/direct_url"].partition("@")[0]}) == 1


def test_a_service_is_not_shown_what_others_come_from(make: Make, tmp_path: Path) -> None:
    make()
    secret = (tmp_path / "migrate" / "role_secret").read_text()
    admin = (tmp_path / "postgres" / "password").read_text()
    for process in ("auth", "catalog", "inventory", "sync", "tools"):
        for path in (tmp_path / process).iterdir():
            assert secret not in path.read_text()
            assert admin not in path.read_text()


def test_a_backup_holds_the_keys_that_the_services_have(make: Make, tmp_path: Path) -> None:
    make()
    kept = find_secrets(StateFolder(tmp_path / "backup"), {}).values
    assert kept["seal_key"] == (tmp_path / "auth" / "seal_key").read_text()
    assert kept["credential_key"] == (tmp_path / "sync" / "credential_key").read_text()
    assert kept["admin_password"] == (tmp_path / "auth" / "admin_password").read_text()


def test_the_databases_password_does_not_change_behind_its_back(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(POSTGRES_PASSWORD="the-first-one-4711") == 0
    assert make(POSTGRES_PASSWORD="another-one-4712") == 2
    assert "POSTGRES_PASSWORD" in capsys.readouterr().err
    assert make() == 0


@pytest.mark.parametrize("place", ["db", "db:5432", "boss@db/hub", "postgresql://db/hub", "db:5432/hub and more"])
def test_a_database_without_a_name_is_told(make: Make, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(HUB_DATABASE=place) == 2
    assert "HUB_DATABASE" in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["HUB_ADMIN_PASSWORD", "POSTGRES_PASSWORD"])
def test_a_password_of_a_sample_stops_the_start_and_writes_nothing(
    make: Make, variable: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(**{variable: "change-me-please"}) == 2
    said = capsys.readouterr().err
    assert variable in said
    assert "change-me" not in said
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "password",
    [
        "short", "password1234", "Passw0rd-Passw0rd", "ch4nge-me-please", "your-strong-password", "aaaaaaaaaaaaaa",
        "123456789012345", "postgres-postgres", "the example secret", "usav-hub-admin-password",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match=r"takes|sample"):
        parse_password(password)


@pytest.mark.parametrize("password", ["a8fj2-kdf92jf-2", "correct-horse-battery", "hub-of-Leipzig-1879!"])
def test_others_are_taken(password: str) -> None:
    assert parse_password(password) == password


def test_nothing_of_the_sample_file_is_a_password() -> None:
    text = (ROOT / "deploy" / "env.example").read_text()
    assert "PASSWORD=\n" in text


def _files(folder: Path, names: dict[str, str]) -> dict[str, str]:
    return {variable: str(folder / name) for variable, name in names.items()}
