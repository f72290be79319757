"""The release that is out there while the present one is rolled out: its code has to run on the schema of the present one.

It is the newest tag `v*` before the present commit and, as long as there is none, the last commit before LAST_BEFORE: a history
that is written anew gives commits other names, and keeps their times.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from build_tools.layout import ROOT

# Goes when the first release is tagged.
LAST_BEFORE = "2026-11-23T00:00:00Z"


def former_release(root: Path = ROOT) -> str | None:
    """The commit of the former release; None where there is no history to find it in."""
    tag = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD~1")
    if tag:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}")
    return _git(root, "rev-list", "--max-count=1", "--first-parent", f"--before={LAST_BEFORE}", "HEAD")


def unpack(commit: str, folder: Path, root: Path = ROOT) -> None:
    """Writes the files of that commit into a folder."""
    archive = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", commit], capture_output=True, check=True, timeout=60
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True, timeout=60)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
