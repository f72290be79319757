"""The breaking check finds a field that was removed or renamed since an earlier commit, and passes where there is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from build_tools.breaking import earlier_versions, main
from build_tools.layout import ROOT, THIRD_PARTY

PROTO = """syntax = "proto3";
package usav.made.v1;
// Made up.
message Made {{
  // A field.
  {field}
}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository without a commit that holds one proto of ours."""
    shutil.copytree(THIRD_PARTY, tmp_path / "protos" / "third_party")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    _write(tmp_path, "string name = 1;")
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path


def test_without_a_commit_there_is_nothing_to_break(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(repository) == 0
    assert "no earlier version" in capsys.readouterr().out


def test_without_git_there_is_nothing_to_break(tmp_path: Path) -> None:
    assert earlier_versions(tmp_path) == []


def test_a_removed_field_that_is_not_yet_committed_is_found(repository: Path) -> None:
    _commit(repository)
    _write(repository, "string other = 2;")
    assert main(repository) != 0


def test_a_renamed_field_breaks_the_json(repository: Path) -> None:
    _commit(repository)
    _write(repository, "string title = 1;")
    assert main(repository) != 0


def test_a_committed_break_is_found_against_the_commit_before(repository: Path) -> None:
    _commit(repository)
    _write(repository, "string other = 2;")
    _commit(repository)
    assert main(repository) != 0


def test_on_a_branch_the_place_where_it_left_main_counts(repository: Path) -> None:
    _commit(repository)
    _git(repository, "checkout", "--quiet", "-b", "work")
    _write(repository, "string other = 2;")
    _commit(repository)
    _git(repository, "commit", "--quiet", "--allow-empty", "--message", "more")
    assert main(repository) != 0


def test_on_main_the_former_release_counts_however_long_ago(repository: Path) -> None:
    _commit(repository)
    _git(repository, "tag", "v1.0.0")
    _write(repository, "string other = 2;")
    _commit(repository)
    for _ in range(3):
        _git(repository, "commit", "--quiet", "--allow-empty", "--message", "more")
    assert main(repository) != 0


def test_a_field_more_breaks_nothing(repository: Path) -> None:
    _commit(repository)
    _write(repository, "string name = 1;\n  // Another.\n  string other = 2;")
    assert main(repository) == 0


def _write(root: Path, field: str) -> None:
    folder = root / "protos" / "usav" / "made" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "made.proto").write_text(PROTO.format(field=field))


def _commit(root: Path) -> None:
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "a state")


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True)
