"""What is made from the protos is made anew everywhere, so none of it is in git."""

from __future__ import annotations

import subprocess

import pytest

from build_tools.layout import ROOT

GENERATED_ENDINGS = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi", ".binpb")


def committed_files() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_no_generated_file_is_committed() -> None:
    generated = [name for name in committed_files() if name.endswith(GENERATED_ENDINGS) or name.startswith("gen/")]
    assert generated == []


def test_the_folder_of_generated_files_is_ignored() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/gen/" in ignored


def test_no_lock_file_names_a_package_index() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        assert "://" not in lock.read_text(), f"{lock.name} names an index; run `make lock`"
