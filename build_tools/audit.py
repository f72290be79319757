"""Asks a database of known holes about every locked package: `make audit`.

Exits 1 for a hole that requirements/accepted-holes.txt does not accept, 0 when there is none. When the database cannot be
reached it says so, and exits 0 too: a build must not depend on another host being up. HUB_AUDIT_URL names another database
that speaks OSV.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from build_tools.layout import ROOT
from build_tools.locked import LOCKS, Package, packages

DATABASE = "https://api.osv.dev"
ACCEPTED = ROOT / "requirements" / "accepted-holes.txt"
_TIMEOUT_SECONDS = 20
# What one question may hold.
_AT_ONCE = 500


class Unreachable(Exception):
    """The database gave no usable answer; the text says why."""


def known_holes(wanted: Sequence[Package], database: str) -> dict[Package, list[str]]:
    """The ids of what is known of each package; those without holes are left out. Raises Unreachable."""
    found: dict[Package, list[str]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        queries = [{"package": {"name": one.name, "ecosystem": "PyPI"}, "version": one.version} for one in part]
        answers = _ask(f"{database}/v1/querybatch", {"queries": queries}).get("results", [])
        if len(answers) != len(part):
            raise Unreachable("the answer does not fit the question")
        for package, answer in zip(part, answers, strict=True):
            if holes := [hole["id"] for hole in answer.get("vulns", [])]:
                found[package] = holes
    return found


def _ask(url: str, question: dict[str, Any]) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise Unreachable(f"{url} is no web address")
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(question).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            said = json.load(answer)
    except (OSError, ValueError) as error:
        raise Unreachable(str(error)) from None
    if not isinstance(said, dict):
        raise Unreachable("the answer is no object")
    return said


def accepted(path: Path) -> frozenset[str]:
    """The ids that somebody has looked at: the first word of each line, the reason behind it."""
    lines = path.read_text().splitlines() if path.exists() else []
    return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))


def main() -> int:
    """Prints what was found."""
    wanted = sorted({one for lock in LOCKS.values() for one in packages(lock)}, key=lambda one: one.name)
    try:
        holes = known_holes(wanted, os.environ.get("HUB_AUDIT_URL") or DATABASE)
    except Unreachable as error:
        print(f"audit: NOT DONE, the database of known holes cannot be reached ({error})", file=sys.stderr)
        return 0
    fine = accepted(ACCEPTED)
    open_holes = {package: [one for one in ids if one not in fine] for package, ids in holes.items()}
    for package, ids in open_holes.items():
        for hole in ids:
            print(f"audit: {package.name} {package.version}: {hole}  https://osv.dev/{hole}")
    count = sum(map(len, open_holes.values()))
    print(f"audit: {len(wanted)} locked packages, {count} known holes")
    return 1 if count else 0


if __name__ == "__main__":
    raise SystemExit(main())
