"""gen/ is built when something changed and only then, and a broken proto leaves it as it was."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from build_tools import protos
from build_tools.layout import THIRD_PARTY

PROTO = """syntax = "proto3";
package usav.made.v1;
// Made up.
message Made {
  // A field.
  string name = 1;
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout of its own with one proto."""
    shutil.copytree(THIRD_PARTY, tmp_path / "protos" / "third_party")
    write_proto(tmp_path, "made.proto", PROTO)
    return tmp_path


def write_proto(root: Path, name: str, text: str) -> Path:
    folder = root / "protos" / "usav" / "made" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def stubs(root: Path) -> Path:
    return root / "gen" / "usav" / "made" / "v1"


def test_stubs_types_and_descriptor_set_are_made(root: Path) -> None:
    assert protos.ensure_generated(root)

    assert {path.name for path in stubs(root).iterdir()} == {"__init__.py", "made_pb2.py", "made_pb2.pyi"}
    assert b"Made up." in (root / "gen" / "hub.binpb").read_bytes()
    assert b"google/rpc/error_details.proto" in (root / "gen" / "hub.binpb").read_bytes()


def test_a_second_run_does_nothing(root: Path) -> None:
    protos.ensure_generated(root)
    made = (stubs(root) / "made_pb2.py").stat().st_mtime_ns

    assert not protos.ensure_generated(root)
    assert (stubs(root) / "made_pb2.py").stat().st_mtime_ns == made


def test_a_change_rebuilds_and_a_removed_proto_takes_its_stubs_along(root: Path) -> None:
    other = write_proto(root, "other.proto", PROTO.replace("Made {", "Other {"))
    protos.ensure_generated(root)
    assert (stubs(root) / "other_pb2.py").exists()
    other.unlink()

    assert protos.ensure_generated(root)
    assert not (stubs(root) / "other_pb2.py").exists()
    assert (stubs(root) / "made_pb2.py").exists()


def test_a_broken_proto_is_named_and_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    protos.ensure_generated(root)
    before = (root / "gen" / "hub.binpb").read_bytes()
    write_proto(root, "made.proto", PROTO + "message Half {\n  strin")

    assert protos.main(root) == 1
    said = capsys.readouterr().err
    assert "usav/made/v1/made.proto:9" in said
    assert "gen/ is as it was before" in said
    assert (root / "gen" / "hub.binpb").read_bytes() == before


def test_two_builds_at_once_make_it_once(root: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        built = list(pool.map(lambda _: protos.ensure_generated(root), range(2)))

    assert sorted(built) == [False, True]
    assert (stubs(root) / "made_pb2.py").exists()
