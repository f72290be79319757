"""The manifest: read back as it was written, and proven when there is a key."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from deploy.backup.errors import BackupDamaged
from deploy.backup.manifest import DUMP, Manifest, StoredFile, TableState, is_id, new_id, read_manifest, time_of

KEY = bytes(range(32))
AT = datetime(2026, 11, 29, 3, 15, tzinfo=UTC)


def manifest(*, encrypted: bool = True) -> Manifest:
    return Manifest(
        id=new_id(AT),
        kind=DUMP,
        started_at=AT,
        finished_at=AT,
        hub_version="1",
        postgres_version="18.4",
        database="hub",
        heads={"auth": "0005"},
        tables={"auth.users": TableState(1, "77")},
        files=[StoredFile("auth.dump", 10, "ab")],
        encrypted=encrypted,
        holds_secrets=False,
        prints={},
    )


def test_it_is_read_as_it_was_written() -> None:
    made = manifest()
    assert read_manifest(made.to_bytes(KEY), KEY) == made
    assert read_manifest(made.to_bytes(KEY)) == made


def test_a_changed_manifest_is_noticed_with_the_key() -> None:
    content = json.loads(manifest().to_bytes(KEY))
    content["files"][0]["sha256"] = "cd"
    with pytest.raises(BackupDamaged, match="not written with this key"):
        read_manifest(json.dumps(content).encode(), KEY)


def test_one_without_proof_is_refused_where_there_should_be_one() -> None:
    with pytest.raises(BackupDamaged, match="not written with this key"):
        read_manifest(manifest().to_bytes(None), KEY)


def test_an_open_backup_is_read_by_somebody_with_a_key() -> None:
    made = manifest(encrypted=False)
    assert read_manifest(made.to_bytes(None), KEY) == made


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "id": 3}', b"\xff"])
def test_what_is_no_manifest_is_told(raw: bytes) -> None:
    with pytest.raises(BackupDamaged, match="cannot be read"):
        read_manifest(raw)


def test_a_newer_format_is_told() -> None:
    content = json.loads(manifest().to_bytes(None)) | {"format": 2}
    with pytest.raises(BackupDamaged, match="newer hub"):
        read_manifest(json.dumps(content).encode())


def test_names_sort_by_time_and_tell_it() -> None:
    assert time_of(new_id(AT)) == AT
    assert is_id(new_id(AT))
    assert new_id(AT) != new_id(AT)
    for wrong in ("", "wal", "../../etc", "2026-11-29T03-15-00Z-abcdef/..", "2026-11-29T03-15-00Z-ABCDEF"):
        assert not is_id(wrong)
