"""Refuses a change of the protos that would break a client of an earlier commit (buf's WIRE_JSON rules).

The files as they stand are compared with the last commit, with the place where this branch left main (on main itself with the
commit before), and with the former release, whose clients are out there. Earlier files come from `git archive`, so worktrees and
shallow clones serve as well.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from build_tools.former_release import former_release
from build_tools.layout import ROOT

CONFIGURATION = "buf.yaml"
MODULES = ("protos", "protos/third_party")
MAIN_BRANCHES = ("origin/main", "main")


def main(root: Path = ROOT) -> int:
    """Returns 0 when every earlier version is still served, else prints what breaks and returns buf's exit code."""
    versions = earlier_versions(root)
    if not versions:
        print("buf breaking: no earlier version to compare with")
    return max((breaks(root, commit) for commit in versions), default=0)


def earlier_versions(root: Path) -> list[str]:
    """The commits whose clients the present protos must still serve; none without git or an earlier version."""
    wanted = [_resolve(root, "HEAD"), _branch_point(root), former_release(root)]
    found = [commit for commit in dict.fromkeys(wanted) if commit and _holds_protos(root, commit)]
    return [commit for commit in found if _git(root, "diff", "--quiet", commit, "--", "protos") is None]


def breaks(root: Path, commit: str) -> int:
    """Compares with one commit; buf's findings go to the terminal. Returns buf's own exit code."""
    command = ["git", "-C", str(root), "archive", "--format=zip", commit, "protos"]
    archive = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    with tempfile.TemporaryDirectory() as earlier:
        zipfile.ZipFile(io.BytesIO(archive)).extractall(earlier)
        shutil.copy(root / CONFIGURATION, earlier)
        buf = Path(sys.executable).parent / "buf"
        done = subprocess.run([str(buf), "breaking", "--against", earlier], cwd=root, check=False, timeout=300)
    if done.returncode:
        print(f"buf breaking: the protos no longer serve the clients of {commit[:12]}", file=sys.stderr)
    return done.returncode


def _branch_point(root: Path) -> str | None:
    """Where this branch left main; on main itself the commit before the last."""
    head = _resolve(root, "HEAD")
    for branch in MAIN_BRANCHES:
        common = _git(root, "merge-base", "HEAD", branch)
        if common and common != head:
            return common
    return _resolve(root, "HEAD~1")


def _holds_protos(root: Path, commit: str) -> bool:
    return all(_git(root, "rev-parse", "--verify", "--quiet", f"{commit}:{folder}") for folder in MODULES)


def _resolve(root: Path, name: str) -> str | None:
    return _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, or None when it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    raise SystemExit(main())
