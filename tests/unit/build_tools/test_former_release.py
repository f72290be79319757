"""Which commit is the former release: the newest tag before the present one, else the last before a date."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from build_tools.former_release import former_release, unpack


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-25T12:00:00Z")
    git(tmp_path, "init", "--quiet")
    for number in range(3):
        (tmp_path / "file").write_text(str(number))
        git(tmp_path, "add", "file")
        git(tmp_path, "commit", "--quiet", "--message", str(number))
    return tmp_path


def test_the_newest_tag_before_the_present_commit(repository: Path) -> None:
    git(repository, "tag", "v1.0.0", "HEAD~2")
    git(repository, "tag", "v1.1.0", "HEAD~1")
    git(repository, "tag", "v1.2.0", "HEAD")
    git(repository, "tag", "other", "HEAD~1")
    assert former_release(repository) == git(repository, "rev-parse", "v1.1.0")


def test_none_where_the_history_does_not_reach_back(repository: Path, tmp_path: Path) -> None:
    assert former_release(repository) is None
    assert former_release(tmp_path / "nowhere") is None


def test_without_tags_the_last_commit_before_the_date(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in ("2026-11-21", "2026-11-22", "2026-11-24"):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{day}T12:00:00Z")
        git(repository, "commit", "--quiet", "--allow-empty", "--message", day)
    assert former_release(repository) == git(repository, "rev-parse", "HEAD~1")


def test_its_files_as_they_were(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("former")
    unpack(git(repository, "rev-parse", "HEAD~1"), folder, repository)
    assert (folder / "file").read_text() == "1"
