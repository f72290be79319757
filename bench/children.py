"""The processes a measurement needs beside the hub: load generators and the empty server. They end with their standard input."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Any

from bench.load import Job, Outcome
from bench.raw_argon2 import ArgonJob
from bench.raw_load import RawJob
from deploy.local.settings import ROOT

_ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}", "PYTHONUNBUFFERED": "1"}
_LONGEST_LINE = 64 * 1024 * 1024


class ChildFailed(Exception):
    """A process of the measurement ended before its time."""


class Child:
    """A module run by this Python, spoken to in lines."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = (sys.executable, "-m", module, *arguments)
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Any:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env=_ENVIRONMENT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def line(self) -> str:
        """The next line it prints. Raises ChildFailed."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise ChildFailed(f"{' '.join(self._command[1:])} ended with status {await self._process.wait()}")
        return line.decode().strip()

    async def say(self, line: str) -> None:
        """Sends it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()


class Generator(Child):
    """A load generator."""

    def __init__(self) -> None:
        super().__init__("bench.load")

    async def run(self, job: Job) -> Outcome:
        """Does the job. Raises ChildFailed."""
        await self.say(json.dumps(asdict(job)))
        return Outcome(**json.loads(await self.line()))


class EmptyServer(Child):
    """A server whose one handler does nothing."""

    def __init__(self) -> None:
        super().__init__("bench.empty_server")
        self.address = ""

    async def __aenter__(self) -> EmptyServer:
        await super().__aenter__()
        self.address = await self.line()
        return self


class TraceSink(Child):
    """A collector of traces that forgets them."""

    def __init__(self) -> None:
        super().__init__("bench.trace_sink")
        self.address = ""

    async def __aenter__(self) -> TraceSink:
        await super().__aenter__()
        self.address = await self.line()
        return self


class RawLoad(Child):
    """Raw statements by asyncpg."""

    def __init__(self) -> None:
        super().__init__("bench.raw_load")

    async def run(self, job: RawJob) -> Outcome:
        """Does the job. Raises ChildFailed."""
        await self.say(json.dumps(asdict(job)))
        return Outcome(**json.loads(await self.line()))


class GuardedServer(Child):
    """A handler that does nothing behind the services' own interceptor, open and guarded."""

    def __init__(self) -> None:
        super().__init__("bench.guarded_server")
        self.address = self.token = ""

    async def __aenter__(self) -> GuardedServer:
        await super().__aenter__()
        told = json.loads(await self.line())
        self.address, self.token = told["address"], told["token"]
        return self


class RawArgon2(Child):
    """Passwords checked and nothing else."""

    def __init__(self) -> None:
        super().__init__("bench.raw_argon2")

    async def run(self, job: ArgonJob) -> Outcome:
        """Does the job. Raises ChildFailed."""
        await self.say(json.dumps(asdict(job)))
        return Outcome(**json.loads(await self.line()))
