"""The state folder of a hub: who may use it, where its files are, and what it tells others about the running hub."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from deploy.local.secrets import write_private


class StateInUse(Exception):
    """Another hub works on the folder; the text says which process."""


@dataclass(frozen=True)
class StateFolder:
    """Where things are."""

    path: Path

    @property
    def secrets(self) -> Path:
        """The hub's secrets, readable by the owner only."""
        return self.path / "secrets.json"

    @property
    def admin_password(self) -> Path:
        """The first admin's password, readable by the owner only."""
        return self.path / "admin-password"

    @property
    def postgres(self) -> Path:
        """The data of the embedded Postgres."""
        return self.path / "postgres"

    @property
    def gateway(self) -> Path:
        """The gateway's configuration, written at each start."""
        return self.path / "gateway.json"

    def log(self, process: str) -> Path:
        """The log of a process."""
        return self.path / "logs" / f"{process}.log"

    def make(self) -> None:
        """Makes the folder, for its owner only."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def is_locked(self) -> bool:
        """Whether some process holds the folder now."""
        try:
            self.lock().close()
        except StateInUse:
            return True
        return False

    def lock(self) -> IO[str]:
        """Makes the folder and takes it for this process until the file is closed. Raises StateInUse."""
        self.make()
        file = (self.path / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StateInUse(
                f"another hub (process {holder}) uses {self.path}; stop it, or set HUB_STATE_DIR to another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def write_summary(self, summary: Summary) -> None:
        """Tells hubctl, demo and tests where the running hub is."""
        write_private(self._summary, json.dumps(asdict(summary), indent=1) + "\n")

    def read_summary(self) -> Summary | None:
        """What the last started hub told; None when there is none, or when it was stopped in order."""
        try:
            return Summary(**json.loads(self._summary.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_targets(self, metrics: Mapping[str, str]) -> None:
        """Tells a Prometheus of this machine what to scrape, process to address (`file_sd_configs`)."""
        targets = [
            {"targets": [urlsplit(url).netloc], "labels": {"job": _job(name), "process": name}}
            for name, url in metrics.items()
        ]
        write_private(self.path / "scrape.json", json.dumps(targets, indent=1) + "\n")

    def remove_summary(self) -> None:
        """Says that no hub runs."""
        self._summary.unlink(missing_ok=True)

    def remove(self) -> bool:
        """Removes the folder with all its data. False when there was none. Raises StateInUse."""
        if not self.path.exists():
            return False
        with self.lock():
            shutil.rmtree(self.path)
        return True

    @property
    def _summary(self) -> Path:
        return self.path / "hub.json"


def _job(process: str) -> str:
    return "gateway" if process == "gateway" else "hub"


@dataclass(frozen=True)
class Summary:
    """The running hub as `hub.json` has it. Addresses are gRPC targets by service; pids are by process."""

    gateway_url: str
    sandbox_url: str
    envoy_admin_url: str
    addresses: dict[str, str]
    pids: dict[str, int]
    admin_user: str
    postgres_port: int
    metrics: dict[str, str]
