"""The Dockerfile's steps make images that run: secrets, migrations, four services and the gateway, as compose.yaml has them."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from deploy.local.ports import Ports
from deploy.local.settings import ROOT
from tests.factories.databases import Databases, scratch_server
from tests.factories.dockerfile import Builder, Image
from tests.factories.folders import scratch_folder

COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
SERVICES = ("auth", "catalog", "inventory", "sync")
PASSWORD = "for-this-run-only-4711"
# Most, on a machine that does much else.
_SECONDS = 180.0

pytestmark = pytest.mark.long


@dataclass
class Stack:
    """The stack of compose.yaml on loopback: what the engine does with names and volumes is done by hand."""

    folder: Path
    images: dict[str, Image]
    ports: dict[str, int]
    database: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run_once(self, name: str) -> int:
        """A one-shot service: its exit code."""
        return self.start(name).wait(_SECONDS)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        spec = COMPOSE[name]
        image = self.images[spec["build"]["target"]]
        command = tuple(self._told(name, word) for word in spec.get("command", ()))
        environment = {key: self._told(name, value) for key, value in spec["environment"].items()}
        self.running[name] = image.start(command, {**environment, **self._own(name)}, self.log(name))
        return self.running[name]

    def command(self, name: str, *words: str) -> int:
        """A command beside a service, in the same surroundings: its exit code."""
        spec = COMPOSE[name]
        environment = {key: self._told(name, value) for key, value in spec["environment"].items()}
        image = self.images[spec["build"]["target"]]
        return image.start(words, {**environment, **self._own(name)}, self.log(f"{name}-command")).wait(_SECONDS)

    def until_healthy(self, name: str) -> None:
        """By the image's own health check. Raises AssertionError with the log."""
        image = self.images[COMPOSE[name]["build"]["target"]]
        deadline = time.monotonic() + _SECONDS
        while image.start(image.probe, self._own(name), self.log(f"{name}-probe"), bare=True).wait(_SECONDS):
            assert self.running[name].poll() is None, self.log(name).read_text()
            assert time.monotonic() < deadline, self.log(name).read_text()
            time.sleep(0.2)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def secret(self, process: str, name: str) -> str:
        return (self.folder / "secrets" / process / name).read_text()

    def _own(self, name: str) -> dict[str, str]:
        """What differs on one machine without networks of containers."""
        return {
            "HUB_BIND": "127.0.0.1",
            "HUB_PORT": str(self.ports.get(name, 0)),
            "HUB_METRICS_PORT": "0",
            "HUB_GATEWAY_METRICS_PORT": "0",
            "HUB_GATEWAY_PORT": str(self.ports["gateway"]),
            "HUB_ENVOY_ADMIN_PORT": str(self.ports["envoy"]),
        }

    def _told(self, name: str, value: str) -> str:
        """A value of compose.yaml: variables at their defaults, volumes in the folder, names as ports of loopback."""
        value = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: self._variables().get(found[1], found[2]), value)
        process = name.removesuffix("s") if name == "backups" else name
        value = re.sub(r"^/run/hub\b", f"{self.folder}/secrets/{process}", value)
        value = re.sub(r"^/secrets$", f"{self.folder}/secrets", value)
        return re.sub(r"^(\w+):50051$", lambda found: f"127.0.0.1:{self.ports[found[1]]}", value)

    def _variables(self) -> dict[str, str]:
        log = {"HUB_BACKUP_WAL": "on", "HUB_BACKUP_WAL_SECONDS": "1"}
        return {"POSTGRES_PASSWORD": PASSWORD, "HUB_DATABASE": self.database, **log}


@contextmanager
def stopped_at_the_end(stack: Stack) -> Iterator[Stack]:
    try:
        yield stack
    finally:
        for process in stack.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def built(scratch: Path) -> dict[str, Image]:
    builder = Builder(ROOT / "deploy" / "Dockerfile", ROOT, scratch)
    images = {name: builder.build(name) for name in ("service", "gateway", "backup")}
    builder.forget_all_but(*images)
    return images


def files_of(image: Image) -> set[Path]:
    """What is in an image; a container that writes there would not run on a read-only root."""
    found = (path.relative_to(image.root) for path in image.root.rglob("*"))
    volumes = {"backups", "wal"}
    return {path for path in found if "__pycache__" not in path.parts and path.parts[0] not in volumes}


async def administrator(databases: Databases) -> str:
    """Gives the server the user that the stack's own Postgres has."""
    await databases._administer(f"ALTER ROLE hub_admin PASSWORD '{PASSWORD}'")
    return f"127.0.0.1:{databases.server.place.port}/hub"


async def test_the_images_make_a_hub() -> None:
    async with scratch_server() as databases:
        with scratch_folder() as folder, Ports() as ports:
            (folder / "images").mkdir()
            images = built(folder / "images")
            before = {name: files_of(image) for name, image in images.items()}
            taken = {name: ports.take_free() for name in (*SERVICES, "gateway", "envoy")}
            stack = Stack(folder, images, taken, await administrator(databases))
            with stopped_at_the_end(stack):
                check_stack(stack)
                check_backups(stack)
                assert {name: files_of(image) for name, image in images.items()} == before
                check_end(stack)


def check_stack(stack: Stack) -> None:
    for name in ("secrets", "migrate"):
        assert stack.run_once(name) == 0, stack.log(name).read_text()
    for name in SERVICES:
        stack.start(name)
    for name in SERVICES:
        stack.until_healthy(name)
    stack.start("gateway")
    stack.until_healthy("gateway")
    with httpx2.Client(base_url=f"http://127.0.0.1:{stack.ports['gateway']}", timeout=20) as client:
        _until(lambda: client.get("/health").status_code == 200, stack.log("gateway"))
        form = {"grant_type": "password", "username": "admin", "password": stack.secret("auth", "admin_password")}
        token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        made = client.post("/api/v1/families", json={"name": "Out of an image"}, headers=headers)
        assert made.status_code == 200, made.text
        # Catalog asks sync, as itself: the accounts of the services hold.
        assert client.get("/api/v1/sync/status", headers=headers).status_code == 200
        assert client.get("/api/v1/docs").status_code == 200


def check_backups(stack: Stack) -> None:
    """The scheduler makes the first backup at once, and receives the log, by which a second of the past is brought back."""
    stack.start("backups")
    folder = stack.images["backup"].path("/backups")
    _until(lambda: "made backup" in stack.log("backups").read_text(), stack.log("backups"))
    assert any(folder.iterdir())
    _until(lambda: "made base backup" in stack.log("backups").read_text(), stack.log("backups"))
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    # Until the log of that second is in the store.
    _until(
        lambda: stack.command("backups", "hubctl", "backup", "pitr", "dump", moment) == 0, stack.log("backups-command")
    )
    assert any((folder / "moments").iterdir())
    stack.running["backups"].send_signal(signal.SIGTERM)
    stack.running["backups"].wait(_SECONDS)


def check_end(stack: Stack) -> None:
    """Asked to stop, everything ends by itself and in order, well within what the engine waits."""
    for name in ("gateway", *SERVICES):
        began = time.monotonic()
        stack.running[name].send_signal(signal.SIGTERM)
        assert stack.running[name].wait(_SECONDS) == 0, stack.log(name).read_text()
        assert time.monotonic() - began < float(str(_grace(COMPOSE[name])).removesuffix("s"))


def _grace(spec: dict[str, Any]) -> Any:
    return spec["stop_grace_period"]


def _until(holds: Any, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
