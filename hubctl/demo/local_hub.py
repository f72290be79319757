"""The hub of this folder: the one that runs, or one started for the demo and stopped after it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from signal import SIGTERM
from threading import Thread

import httpx2

from deploy.local import launch
from deploy.local.state import StateFolder
from hubctl.demo.failure import DemoFailed
from hubctl.session import ROOT, state_dir

_START_SECONDS = 90.0
_STOP_SECONDS = 20.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class LocalHub:
    """Where a hub is reached."""

    gateway_url: str
    sandbox_url: str
    admin_user: str


@contextmanager
def local_hub(say: Callable[[str], None]) -> Iterator[LocalHub]:
    """A healthy hub on the state folder. Raises DemoFailed when there is none in time."""
    folder = StateFolder(state_dir())
    if folder.is_locked():
        hub = _wait_healthy(folder, lambda: None)
        say(f"A hub runs already: {hub.gateway_url}")
        yield hub
        return
    say("No hub runs here, so one is started for the demo.")
    with _started(folder, say) as check:
        yield _wait_healthy(folder, check)
        say("Stopping the hub; its data stays. `make run` starts it again.")


@contextmanager
def _started(folder: StateFolder, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """A hub in a process of its own; gives a check that raises DemoFailed once it has ended."""
    child = subprocess.Popen(
        _dying_with_us(sys.executable, "-m", "deploy.local", "run"),
        cwd=ROOT,
        env={**os.environ, "HUB_STATE_DIR": str(folder.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: Queue[str] = Queue()
    Thread(target=_read_lines, args=(child, lines), daemon=True).start()
    said: list[str] = []

    def check() -> None:
        while (line := _next(lines)) is not None:
            said.append(line)
            if line.strip().endswith(("is ready", "is up to date", "is healthy")):
                say(f"  {line.strip()}")
        if child.poll() is not None:
            raise DemoFailed("the hub does not start:\n" + "\n".join(said[-15:]))

    try:
        yield check
    finally:
        _stop(child)


def _dying_with_us(*command: str) -> list[str]:
    launcher = str(Path(launch.__file__))
    return [sys.executable, "-S", "-E", launcher, str(os.getpid()), str(int(SIGTERM)), "", *command]


def _read_lines(child: subprocess.Popen[str], lines: Queue[str]) -> None:
    for line in child.stdout or ():
        lines.put(line.rstrip("\n"))


def _next(lines: Queue[str]) -> str | None:
    try:
        return lines.get_nowait()
    except Empty:
        return None


def _stop(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.send_signal(SIGTERM)
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _wait_healthy(folder: StateFolder, check: Callable[[], None]) -> LocalHub:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        check()
        summary = folder.read_summary()
        if summary is not None and _is_healthy(summary.gateway_url):
            check()
            return LocalHub(summary.gateway_url, summary.sandbox_url, summary.admin_user)
        time.sleep(_PAUSE_SECONDS)
    raise DemoFailed(
        f"the hub on {folder.path} is not healthy after {_START_SECONDS:.0f} s; look into {folder.path}/logs"
    )


def _is_healthy(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", timeout=2, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False
