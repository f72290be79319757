"""Runs Postgres's own programs with their data streamed through this process, and no password where others can see it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from chassis.hosts import plain_url
from deploy.backup.errors import BackupError
from deploy.local.postgres import program

_READ = 1 << 20
_LAST_WORDS = 2000


class Interrupted(BackupError):
    """The caller gave up."""


def libpq(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and the environment that tells it instead."""
    scheme, _, rest = plain_url(url).partition("://")
    authority, at, place = rest.rpartition("@")
    user, colon, password = authority.partition(":")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PGSSL")}
    if colon:
        from urllib.parse import unquote

        environment["PGPASSWORD"] = unquote(password)
    return f"{scheme}://{user}{at}{place}", environment


def output_of(
    name: str, arguments: Sequence[str], environment: dict[str, str], stop: threading.Event | None = None
) -> Iterator[bytes]:
    """What the program writes, while it writes it. Raises BackupError when it fails, Interrupted once `stop` is set."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [str(program(name)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
        )
        try:
            assert child.stdout is not None
            while chunk := child.stdout.read(_READ):
                if stop is not None and stop.is_set():
                    raise Interrupted("interrupted")
                yield chunk
            _check(name, child.wait(), said)
        finally:
            _end(child)


def give_to(name: str, arguments: Sequence[str], environment: dict[str, str], chunks: Iterable[bytes]) -> None:
    """Runs a program on what is streamed into it. Raises BackupError when it fails, and whatever `chunks` raises."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [str(program(name)), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
        )
        try:
            assert child.stdin is not None
            try:
                for chunk in chunks:
                    child.stdin.write(chunk)
                child.stdin.close()
            except BrokenPipeError:
                pass  # Its exit status and last words tell why.
            _check(name, child.wait(), said)
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue


def _check(name: str, status: int, said: IO[bytes]) -> None:
    if status:
        said.seek(0)
        words = said.read().decode(errors="replace").strip()[-_LAST_WORDS:]
        raise BackupError(f"{name} failed ({status}):\n{words}")
