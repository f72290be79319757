"""The packages that a lock names, with version and hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from build_tools.layout import ROOT

# The first two are everything the hub and its makers use; those of the images are parts of the first.
LOCKS = {
    name: ROOT / "requirements" / f"{name}.lock"
    for name in ("base", "dev", "ha", "service", "gateway", "backup", "build")
}
_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """One line of a lock. `hashes` are SHA-256 of the files that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its address as a package URL."""
        return f"pkg:pypi/{re.sub(r'[-_.]+', '-', self.name).lower()}@{self.version}"


def packages(lock: Path) -> list[Package]:
    """All packages of a lock in the format of requirements files, in its order."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lock.read_text().splitlines():
        if start := _PACKAGE.match(line):
            found.append((start[1], start[2], []))
        if found:
            found[-1][2].extend(_HASH.findall(line))
    return [Package(name, version, tuple(hashes)) for name, version, hashes in found]
