"""Finds the commands of a document and runs them in their order, in one shell, in a folder that looks like the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from build_tools.layout import GENERATED, ROOT
from deploy.local.hub import Hub
from tests.e2e.conftest import clean_environment

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_INDENTED = re.compile(r"(?:^    \S.*\n(?:^    .*\n)*)", re.M)
COMMANDS = (
    *("make", ".venv/", "hubctl", "curl", "grpcurl", "export", "python", "git", "docker", "kubectl", "HUB_", "timeout"),
    *("etcdctl", "patronictl", "cp ", "openssl"),
)


@dataclass(frozen=True)
class Block:
    """A piece of shell as it stands in a document."""

    document: Path
    text: str


def blocks(document: Path) -> list[Block]:
    """Fenced `sh` and indented commands, in their order."""
    text = document.read_text()
    fenced = [(match.start(), match[2]) for match in _FENCE.finditer(text) if match[1] == "sh"]
    without = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    indented = [
        (len(text), re.sub(r"^    ", "", match[0], flags=re.M))
        for match in _INDENTED.finditer(without)
        if match[0].strip().startswith(COMMANDS)
    ]
    return [Block(document, found) for _, found in sorted(fenced) + indented]


def run(script: str, hub: Hub, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs it against the hub: addresses and state folder are the hub's, tools that are not there are stood in for."""
    for entry in (".venv", "hubctl", "docs", "deploy", "Makefile"):
        if not (folder / entry).exists():
            (folder / entry).symlink_to(ROOT / entry)
    if not (folder / ".state").exists():
        (folder / ".state").symlink_to(hub.state.path)
    address = hub.gateway_url.removeprefix("http://")
    script = script.replace("127.0.0.1:8000", address).replace("localhost:8000", address)
    environment = {
        **clean_environment(),
        "PATH": f"{tools(folder)}:{Path(sys.executable).parent}:{clean_environment()['PATH']}",
        "HUB_STATE_DIR": str(hub.state.path),
        "HUBCTL_SESSION": str(folder / "session.json"),
    }
    return subprocess.run(
        ["bash", "-Eeuo", "pipefail", "-c", f"trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR\n{script}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def tools(folder: Path) -> Path:
    """Stand-ins for what this machine does not have."""
    found = folder / "tools"
    found.mkdir(exist_ok=True)
    if shutil.which("grpcurl") is None:
        shim = found / "grpcurl"
        paths = f"{ROOT}:{GENERATED}"
        shim.write_text(f'#!/bin/sh\nPYTHONPATH={paths} exec {sys.executable} -m tests.factories.grpcurl "$@"\n')
        shim.chmod(0o755)
    return found
