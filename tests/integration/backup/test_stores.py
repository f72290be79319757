"""A folder and a bucket behave alike: every test runs on both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.backup.errors import BackupDamaged, BackupError, BackupRefused
from deploy.backup.folder_store import FolderStore
from deploy.backup.s3_store import S3Store
from deploy.backup.stores import Store, open_store
from tests.factories import s3

MIB = 1 << 20


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[s3.Bucket]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.SECRET_KEY)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with s3.bucket() as made:
        yield made


def in_bucket(amazon: s3.Bucket, prefix: str = "hub/one") -> S3Store:
    return S3Store(s3.BUCKET, prefix, endpoint=amazon.endpoint, region=s3.REGION)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return in_bucket(request.getfixturevalue("amazon"))


def content(store: Store, name: str) -> bytes:
    return b"".join(store.get(name))


def names(store: Store, prefix: str = "") -> list[str]:
    return [one.name for one in store.objects(prefix)]


@pytest.mark.parametrize("size", [0, 1, MIB, 8 * MIB, 8 * MIB + 1, 17 * MIB])
def test_what_was_put_is_got(store: Store, size: int) -> None:
    body = os.urandom(size)
    store.put("a/file.dump", (body[start : start + 700_001] for start in range(0, size, 700_001)))
    assert content(store, "a/file.dump") == body
    assert [(one.name, one.bytes) for one in store.objects("a/")] == [("a/file.dump", size)]


def test_putting_again_replaces(store: Store) -> None:
    store.put("a/x", [b"one"])
    store.put("a/x", [b"two"])
    assert content(store, "a/x") == b"two"


def test_an_object_that_breaks_off_is_not_there(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(20 * MIB)
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        store.put("a/x", broken())
    assert names(store) == []
    with pytest.raises(BackupDamaged, match="missing"):
        content(store, "a/x")


def test_listing_names_folders_and_what_is_in_them(store: Store) -> None:
    for name in ("b/1", "b/2", "b/3", "b/4", "b/5", "c/1", "a/1", "d/1", "e/1"):
        store.put(name, [b"x"])
    assert store.folders() == ["a", "b", "c", "d", "e"]
    assert names(store, "b/") == ["b/1", "b/2", "b/3", "b/4", "b/5"]
    assert names(store, "b/3") == ["b/3"]


def test_removing_may_be_repeated(store: Store) -> None:
    store.put("a/x", [b"x"])
    store.delete("a/x")
    store.delete("a/x")
    assert store.folders() == []


def test_what_was_left_by_a_crash_goes_after_its_time(tmp_path: Path, amazon: s3.Bucket) -> None:
    folder = FolderStore(tmp_path / "store")
    folder.put("a/whole", [b"x"])
    (tmp_path / "store" / "a" / ".draft-other-1234").write_bytes(b"half")
    amazon.uploads["left"] = ("hub/one/a/other", datetime.now(UTC), {1: b"half"})
    for store in (folder, in_bucket(amazon)):
        store.remove_drafts(datetime.now(UTC) - timedelta(hours=1))
    assert amazon.uploads
    assert (tmp_path / "store" / "a" / ".draft-other-1234").exists()
    for store in (folder, in_bucket(amazon)):
        store.remove_drafts(datetime.now(UTC) + timedelta(seconds=5))
    assert not amazon.uploads
    assert [path.name for path in (tmp_path / "store" / "a").iterdir()] == ["whole"]


def test_an_upload_goes_on_after_a_server_error(amazon: s3.Bucket) -> None:
    amazon.broken_parts = 1
    store = in_bucket(amazon)
    store.put("a/x", [bytes(12 * MIB)])
    assert content(store, "a/x") == bytes(12 * MIB)
    assert amazon.refused == ["InternalError"]


def test_a_wrong_secret_is_told_as_it_is(amazon: s3.Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(BackupError, match="SignatureDoesNotMatch"):
        in_bucket(amazon).put("a/x", [b"x"])
    assert amazon.objects == {}


def test_two_prefixes_of_a_bucket_do_not_see_each_other(amazon: s3.Bucket) -> None:
    one, other = in_bucket(amazon), in_bucket(amazon, "hub/one-more")
    one.put("a/x", [b"x"])
    other.put("b/y", [b"y"])
    assert (one.folders(), other.folders()) == (["a"], ["b"])


def test_the_folder_and_its_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    store.put("a/x", [b"x"])
    assert (tmp_path / "store" / "a" / "x").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BackupError, match=r"file.*directory"):
        FolderStore(tmp_path / "file").put("a/x", [b"x"])


@pytest.mark.parametrize("to", ["", "ftp://host/x", "s3://", "s3:///prefix"])
def test_a_place_that_is_none_is_refused(to: str) -> None:
    with pytest.raises(BackupRefused, match=r"HUB_BACKUP_TO|s3://bucket/prefix"):
        open_store(to)
