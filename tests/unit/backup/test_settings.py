"""Settings of backups: each wrong one is named."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from chassis.settings import SettingsError
from deploy.backup.retention import Retention
from deploy.backup.schedule import is_due, last_due
from deploy.backup.sealing import new_key
from deploy.backup.settings import load_backup_settings


def test_the_defaults_keep_seven_days_four_weeks_six_months() -> None:
    settings = load_backup_settings({})
    assert settings.retention == Retention(7, 4, 6)
    assert settings.at == (time(3, 15),)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HUB_BACKUP_KEY", "short"),
        ("HUB_BACKUP_KEY_FILE", "/nowhere/key"),
        ("HUB_BACKUP_AT", "25:00"),
        ("HUB_BACKUP_AT", "03:15;04:00"),
        ("HUB_BACKUP_DAILY", "-1"),
        ("HUB_BACKUP_WEEKLY", "x"),
        ("HUB_BACKUP_MONTHLY", "1001"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_backup_settings({variable: value})


def test_a_key_comes_from_one_place(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(new_key() + "\n")
    assert load_backup_settings({"HUB_BACKUP_KEY_FILE": str(file)}).vault(str(tmp_path)).key
    assert load_backup_settings({}).vault(str(tmp_path)).key is None
    with pytest.raises(SettingsError, match="both set"):
        load_backup_settings({"HUB_BACKUP_KEY_FILE": str(file), "HUB_BACKUP_KEY": new_key()})


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_a_backup_is_due_once_for_each_time_that_comes() -> None:
    times = (time(3, 15), time(15, 15))
    assert last_due(at(29, 3, 14), times) == at(28, 15, 15)
    assert last_due(at(29, 3, 15), times) == at(29, 3, 15)
    assert is_due(at(29, 3, 15), times, at(28, 15, 16))
    assert not is_due(at(29, 3, 16), times, at(29, 3, 15))


def test_a_hub_without_backups_and_one_that_slept_make_one_at_once() -> None:
    assert is_due(at(29, 12), (time(3, 15),), None)
    assert is_due(at(29, 12), (time(3, 15),), at(20, 3, 15))
    assert is_due(at(29, 1), (time(3, 15),), at(28, 3, 14))
    assert not is_due(at(29, 1), (time(3, 15),), at(28, 3, 16))
