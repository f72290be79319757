"""Children of the runner: started again when they crash, ended in order, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from deploy.local.processes import Command, ManagedProcess

PATIENT = (
    "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); print('up', flush=True); time.sleep(60)"
)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"

Make = Callable[..., ManagedProcess]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[ManagedProcess] = []

    def build(code: str, stop_seconds: float = 6.0) -> ManagedProcess:
        argv = (sys.executable, "-c", code)
        log = tmp_path / "logs" / "child.log"
        command = Command(name="child", argv=argv, log=log, stop_seconds=stop_seconds)
        made.append(ManagedProcess(command))
        return made[-1]

    yield build
    for process in made:
        await process.stop(seconds=0)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.01)


async def test_a_crashed_child_is_started_again(make: Make) -> None:
    process = make(PATIENT)
    await process.start()
    first = process.pid
    process.kill()
    await until(lambda: process.pid not in {None, first})
    assert process.crashes == 1
    await process.restart()
    assert process.crashes == 0


async def test_a_child_that_keeps_crashing_is_not_started_in_a_loop(make: Make) -> None:
    process = make("raise SystemExit(3)")
    await process.start()
    await asyncio.sleep(1.2)
    assert 2 <= process.crashes <= 4


async def test_a_stopped_child_stays_stopped(make: Make) -> None:
    process = make(PATIENT)
    await process.start()
    await until(lambda: "up" in process.tail())
    await process.stop()
    await asyncio.sleep(0.4)
    assert (process.running, process.pid, process.crashes) == (False, None, 0)
    await process.stop()


async def test_a_child_that_does_not_listen_is_killed(make: Make) -> None:
    process = make(STUBBORN, stop_seconds=0.3)
    await process.start()
    await until(lambda: "up" in process.tail())
    began = time.monotonic()
    await process.stop()
    assert 0.2 < time.monotonic() - began < 2
    assert not process.running


async def test_a_child_can_be_started_again_after_a_stop(make: Make) -> None:
    process = make(PATIENT)
    await process.start()
    await process.restart()
    assert process.running


async def test_a_terminals_interrupt_does_not_reach_the_child(make: Make) -> None:
    process = make(PATIENT)
    await process.start()
    assert process.pid is not None
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)


async def test_the_log_keeps_what_earlier_runs_said_and_does_not_grow_forever(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.processes._LOG_BYTES", 2)
    process = make(PATIENT)
    await process.start()
    await until(lambda: "up" in process.tail())
    await process.restart()
    assert "up" in (tmp_path / "logs" / "child.log.1").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_children_die_with_a_runner_that_is_killed(tmp_path: Path) -> None:
    runner = textwrap.dedent(f"""
        import asyncio, pathlib, sys
        from deploy.local.processes import Command, ManagedProcess
        async def main():
            log = pathlib.Path({str(tmp_path / "child.log")!r})
            process = ManagedProcess(Command(name="child", argv=(sys.executable, "-c", {PATIENT!r}), log=log))
            await process.start()
            while "up" not in process.tail():
                await asyncio.sleep(0.01)
            print(process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", runner], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        child = int(started.stdout.readline())
        os.kill(started.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while is_alive(child):
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """A child that has ended stays as a zombie until whoever inherited it looks."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
