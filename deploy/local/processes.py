"""Child processes of the hub: each in a session of its own, logged to a file, started again when it crashes.

A terminal's Ctrl-C reaches only the runner, which then stops its children in order; a `kill -9` of the runner takes them along.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

_LAUNCHER = Path(__file__).with_name("launch.py")
_LOG_BYTES = 10_000_000
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_STABLE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run and how to end it. `user` is a user to become, empty for the present one."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    cwd: Path | None = None
    user: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    # More than a service's longest drain and the three seconds that calls under way are given.
    stop_seconds: float = 9.0
    orphan_signal: signal.Signals = signal.SIGKILL


class ManagedProcess:
    """One supervised child. All methods belong to the thread of the event loop that started it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.crashes = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The name it has in messages and of its log file."""
        return self.command.name

    @property
    def pid(self) -> int | None:
        """Of the living child; None while there is none."""
        return self._child.pid if self.running and self._child else None

    @property
    def running(self) -> bool:
        """Whether the child lives now."""
        return self._child is not None and self._child.poll() is None

    async def start(self) -> None:
        """Starts the child and its supervision, and counts crashes anew. Raises OSError when the program cannot be run; a repeat
        does nothing."""
        if self._supervisor is None:
            self.crashes = 0
            self._spawn()
            self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    async def stop(self, *, seconds: float | None = None) -> None:
        """Asks the child to end, and kills it after `seconds`. Safe to repeat."""
        await self._end_supervision()
        if self.running:
            self.signal(self.command.stop_signal)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self.command.stop_seconds if seconds is None else seconds)
        self.kill()
        if self._child is not None:
            await self._ended.wait()

    async def restart(self) -> None:
        """A planned restart: stop, then start."""
        await self.stop()
        await self.start()

    def kill(self) -> None:
        """SIGKILL, as a crash would end it; supervision starts it again after a pause."""
        self.signal(signal.SIGKILL)

    def give_up(self) -> None:
        """SIGKILL for good: supervision ends too. `stop` may follow."""
        if self._supervisor is not None:
            self._supervisor.cancel()
        self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the child itself; without effect when it is gone."""
        if self._child is not None and self.running:
            with suppress(ProcessLookupError):
                self._child.send_signal(number)

    def tail(self, lines: int = 15) -> str:
        """The end of its log, for an error message."""
        if not self.command.log.exists():
            return ""
        return "\n".join(self.command.log.read_text(errors="replace").splitlines()[-lines:])

    def _spawn(self) -> None:
        command = self.command
        launch = (
            sys.executable,
            "-S",
            "-E",
            str(_LAUNCHER),
            str(os.getpid()),
            str(int(command.orphan_signal)),
            command.user,
        )
        self._ended = asyncio.Event()
        with _open_log(command.log) as output:
            self._child = subprocess.Popen(
                (*launch, *command.argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=command.cwd,
                env=dict(command.env),
                start_new_session=True,
            )
        _tell_when_ended(self._child, self._ended)

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            await self._ended.wait()
            self.crashes += 1
            code = self._child.returncode if self._child else None
            log.warning("%s ended unexpectedly (%s), see %s", self.name, _ending(code), self.command.log)
            if time.monotonic() - started > _STABLE_S:
                pause = _FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            self._spawn()

    async def _end_supervision(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            with suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None


def set_aside_if_large(log: Path) -> None:
    """Gives a log that has grown large another name, so that two files at most remain; makes the folder."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.is_file() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _open_log(path: Path) -> BinaryIO:
    set_aside_if_large(path)
    return path.open("ab")


def _tell_when_ended(child: subprocess.Popen[bytes], ended: asyncio.Event) -> None:
    """Waits in a thread of its own: that works on every event loop and system, and costs nothing while the child lives."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        child.wait()
        with suppress(RuntimeError):  # The loop is closed when the runner ends before its children.
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name=f"wait {child.pid}", daemon=True).start()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
