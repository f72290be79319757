"""The log in the store: names that follow each other, segments whole or noticed, and what is kept of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.backup.errors import BackupDamaged, BackupRefused
from deploy.backup.folder_store import FolderStore
from deploy.backup.manifest import BASE, Manifest, new_id
from deploy.backup.pitr.archive import WalArchive, following, is_finished
from deploy.backup.pitr.base import CLUSTER, FIRST_SEGMENT
from deploy.backup.pitr.window import is_broken, prune_window, window_for, windows
from deploy.backup.vault import Vault

KEY = bytes(range(32))
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def segment(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{number // 256:08X}{number % 256:08X}"


@pytest.fixture(params=[None, KEY])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    return Vault(FolderStore(tmp_path / "store"), request.param)


@pytest.fixture
def archive(vault: Vault) -> WalArchive:
    return WalArchive(vault, "77")


def fill(archive: WalArchive, folder: Path, *numbers: int, timeline: int = 1) -> None:
    for number in numbers:
        file = folder / segment(number, timeline)
        file.write_bytes(os.urandom(100) + bytes(100_000))
        archive.put(file)


def base(vault: Vault, at: datetime, first: int, cluster: str = "77") -> Manifest:
    made = Manifest(
        id=new_id(at),
        kind=BASE,
        started_at=at,
        finished_at=at,
        hub_version="1",
        postgres_version="18.4",
        database="hub",
        heads={},
        tables={},
        files=[],
        encrypted=vault.key is not None,
        holds_secrets=False,
        prints={},
        details={CLUSTER: cluster, FIRST_SEGMENT: segment(first)},
    )
    vault.finish(made)
    return made


def test_segments_follow_each_other_over_the_end_of_a_log() -> None:
    assert following("000000010000000000000001") == "000000010000000000000002"
    assert following("0000000100000000000000FF") == "000000010000000100000000"
    assert following("0000000A000000FF000000FF") == "0000000A0000010000000000"


def test_only_finished_files_are_shipped() -> None:
    assert is_finished("000000010000000000000001")
    assert is_finished("00000002.history")
    for name in ("000000010000000000000001.partial", "archive_status", "00000001000000000000000g"):
        assert not is_finished(name)


def test_a_segment_comes_back_and_damage_is_noticed(archive: WalArchive, tmp_path: Path) -> None:
    fill(archive, tmp_path, 1)
    assert b"".join(archive.get(segment(1))) == (tmp_path / segment(1)).read_bytes()
    stored = next((tmp_path / "store").rglob("*.gz"))
    assert stored.stat().st_size < 2_000
    whole = stored.read_bytes()
    for wrong in (whole[:-4], whole[: len(whole) // 2], bytes([*whole[:60], whole[60] ^ 1, *whole[61:]])):
        stored.write_bytes(wrong)
        with pytest.raises(BackupDamaged):
            b"".join(archive.get(segment(1)))


def test_the_window_ends_at_the_first_missing_segment(vault: Vault, archive: WalArchive, tmp_path: Path) -> None:
    fill(archive, tmp_path, 4, 5, 6, 8)
    base(vault, NOW, 5)
    (window,) = windows(vault)
    assert window.segments == (segment(5), segment(6))


def test_a_gap_is_noticed_and_a_log_that_goes_on_is_none(vault: Vault, archive: WalArchive, tmp_path: Path) -> None:
    made = base(vault, NOW, 5)
    assert not is_broken(vault, made)
    fill(archive, tmp_path, 3, 5, 6)
    fill(archive, tmp_path, 9, timeline=2)
    assert not is_broken(vault, made)
    fill(archive, tmp_path, 8)
    assert is_broken(vault, made)
    fill(archive, tmp_path, 7)
    assert not is_broken(vault, made)


def test_the_base_with_the_least_log_to_apply_is_chosen(vault: Vault) -> None:
    older, newer = base(vault, NOW - timedelta(days=2), 3), base(vault, NOW, 5)
    assert window_for(vault, NOW + timedelta(hours=1)).base == newer
    assert window_for(vault, NOW - timedelta(seconds=1)).base == older
    with pytest.raises(BackupRefused, match="no way back beyond"):
        window_for(vault, NOW - timedelta(days=3))


def test_without_a_base_there_is_no_way_back(vault: Vault) -> None:
    with pytest.raises(BackupRefused, match="no base backup"):
        window_for(vault, NOW)


def test_what_the_window_needs_is_kept_and_no_more(vault: Vault, archive: WalArchive, tmp_path: Path) -> None:
    bases = [base(vault, NOW - timedelta(days=days), 100 - 10 * days) for days in (9, 8, 7, 3, 1)]
    fill(archive, tmp_path, *range(5, 100, 5))
    removed = prune_window(vault, NOW, 7)
    assert removed == [one.id for one in bases[:2]]
    assert sorted(archive.segments()) == [segment(number) for number in range(30, 100, 5)]
    assert prune_window(vault, NOW, 7) == []


def test_the_log_of_another_cluster_is_left_alone(vault: Vault, archive: WalArchive, tmp_path: Path) -> None:
    other = WalArchive(vault, "88")
    fill(archive, tmp_path, 1, 9)
    fill(other, tmp_path, 1, 9)
    base(vault, NOW - timedelta(days=10), 9)
    prune_window(vault, NOW, 7)
    assert (len(archive.segments()), len(other.segments())) == (1, 2)
