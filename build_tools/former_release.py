"""The release that is out there while the present one is rolled out: its code has to run on the schema of the present one.

It is the newest tag `v*` before the present commit and, as long as there is none, the commit that FORMER names.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from build_tools.layout import ROOT

# The last commit of the hub before tags; it goes when the first release is tagged.
FORMER = "203a3dab51e7"


def former_release(root: Path = ROOT) -> str | None:
    """The commit of the former release; None where there is no history to find it in."""
    tag = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD~1")
    return _git(root, "rev-parse", "--verify", "--quiet", f"{tag or FORMER}^{{commit}}")


def unpack(commit: str, folder: Path, root: Path = ROOT) -> None:
    """Writes the files of that commit into a folder."""
    archive = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", commit], capture_output=True, check=True, timeout=60
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True, timeout=60)


def _git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() or None if done.returncode == 0 else None
