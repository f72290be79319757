"""hubctl as a user runs it: a process of its own, its session in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.hub import Hub
from tests.e2e.catalog.importing import ROOT, sample_under
from tests.e2e.conftest import clean_environment

_SECONDS = 60


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects it printed, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class HubctlUser:
    """A person at a terminal; `environment` is what is set there."""

    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, given: str = "") -> Ran:
        """Runs a command to its end, whatever that is."""
        done = subprocess.run(
            [sys.executable, "-m", "hubctl", *(str(argument) for argument in arguments)],
            env=self._env(),
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str | Path, given: str = "") -> Ran:
        """Runs a command that must go well."""
        ran = self.run(*arguments, given=given)
        assert ran.status == 0, (arguments, ran)
        return ran

    def json(self, *arguments: str | Path, given: str = "") -> list[dict[str, Any]]:
        """Runs a command with --json that must go well."""
        return (self.ok("--json", *arguments, given=given)).objects

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command that goes on until it is interrupted."""
        return subprocess.Popen(
            [sys.executable, "-m", "hubctl", *arguments],
            env=self._env(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _env(self) -> dict[str, str]:
        return {**clean_environment(), **self.environment}


@pytest.fixture
def stranger(hub: Hub, tmp_path: Path) -> HubctlUser:
    """Somebody in the hub's folder who has not signed in."""
    return HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), "HUBCTL_SESSION": str(tmp_path / "session.json")})


@pytest.fixture(scope="module")
def user(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> HubctlUser:
    """The hub's admin, signed in."""
    session = tmp_path_factory.mktemp("hubctl") / "session.json"
    signed_in = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), "HUBCTL_SESSION": str(session)})
    signed_in.ok("sign-in", "--local")
    return signed_in


@pytest.fixture(scope="module")
def brand(user: HubctlUser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name under which this module's catalogue was imported."""
    name = f"Ctl{uuid4().hex[:6]}"
    file = tmp_path_factory.mktemp("catalog") / "catalog.csv"
    file.write_bytes(sample_under(name))
    user.ok("import", file)
    return name


@pytest.fixture
def serial() -> str:
    """A serial number that no other test uses."""
    return f"HC-{uuid4().hex[:10].upper()}"


@pytest.fixture(scope="module")
def sku(user: HubctlUser, brand: str) -> str:
    """A SKU of ours that is on several channels of the sandbox."""
    found = user.json("listings", "list", "--sku", f"{brand}-900110000011")
    return str(found[0]["sku"])
