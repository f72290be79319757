"""Ports of one hub, chosen so that several hubs may start at once on one machine.

A port is claimed by a lock on a file named after it, held until the hub ends: a mere test whether it is free would give one
port to two hubs that start together. The lock goes with the process, so a `kill -9` leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

# Below the range from which systems give ports to outgoing connections.
_FREE_RANGE = range(20_000, 30_000)


class PortTaken(Exception):
    """A port the user asked for is in use; the text names it and the variable that changes it."""


class Ports:
    """The claims of one hub. `release` gives all back."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"usav-hub-ports-{os.getuid()}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.lstat().st_uid != os.getuid():
            raise PortTaken(f"{self._folder}, where ports are claimed, belongs to another user; remove it")
        self._claims: dict[int, IO[bytes]] = {}

    def __enter__(self) -> Ports:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def take(self, port: int, variable: str, bind: str = "127.0.0.1") -> int:
        """Claims exactly `port`, or any free one for 0. Raises PortTaken."""
        if port == 0:
            return self.take_free()
        if not self._claim(port, bind):
            raise PortTaken(f"port {port} is taken; set {variable} to a free one (or stop what uses it)")
        return port

    def prefer(self, port: int) -> int:
        """Claims `port` if it is free, else any free one."""
        return port if self._claim(port) else self.take_free()

    def take_free(self) -> int:
        """Claims some free port. Raises PortTaken when there is none."""
        for port in random.sample(_FREE_RANGE, 200):
            if self._claim(port):
                return port
        raise PortTaken(f"no free port between {_FREE_RANGE.start} and {_FREE_RANGE.stop}")

    def release(self) -> None:
        """Gives every claim back. Safe to repeat."""
        for lock in self._claims.values():
            lock.close()
        self._claims.clear()

    def _claim(self, port: int, bind: str = "127.0.0.1") -> bool:
        if port in self._claims:
            return False
        with ExitStack() as unless_claimed:
            lock = unless_claimed.enter_context((self._folder / str(port)).open("wb"))
            if not (_locked(lock) and is_free(port, bind)):
                return False
            unless_claimed.pop_all()
        self._claims[port] = lock
        return True


def _locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(port: int, bind: str = "127.0.0.1") -> bool:
    """Whether nothing listens on the port now."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of an earlier run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return False
    return True
