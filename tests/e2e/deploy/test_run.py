"""`make run` as its user meets it: quick to start, clean to stop, and nothing lost when it is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from deploy.local.ports import Ports
from deploy.local.settings import ROOT
from deploy.local.state import StateFolder, Summary
from tests.e2e.conftest import clean_environment
from tests.factories.folders import scratch_folder

# Generous: on the machine the figures of docs/performance.md are from it takes four.
HEALTHY_SECONDS = 30
STOPPED_SECONDS = 10


@dataclass
class Runner:
    """One state folder, and the command on it."""

    folder: Path
    port: int

    def start(self, **changed: str) -> subprocess.Popen[str]:
        environment = {**clean_environment(), "HUB_STATE_DIR": str(self.folder), "HUB_GATEWAY_PORT": str(self.port)}
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run"],
            cwd=ROOT,
            env={**environment, **changed},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    @property
    def summary(self) -> Summary:
        found = StateFolder(self.folder).read_summary()
        assert found is not None
        return found

    @property
    def password(self) -> str:
        return StateFolder(self.folder).admin_password.read_text().strip()


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with scratch_folder() as folder, Ports() as ports:
        port = ports.take_free()
        ports.release()
        yield Runner(folder / "state", port)


def wait_for_banner(started: subprocess.Popen[str]) -> str:
    """Everything printed until the hub says how to stop it."""
    assert started.stdout is not None
    text = ""
    for line in started.stdout:
        text += line
        if "Ctrl-C" in line:
            return text
    raise AssertionError(f"the hub ended: {text}")


def wait_gone(pids: list[int], seconds: float = STOPPED_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()


def add_brand(runner: Runner, name: str) -> None:
    form = {"username": "admin", "password": runner.password, "grant_type": "password"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{runner.port}") as client:
        token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        assert client.post("/api/v1/brands", json={"name": name}, headers=headers).status_code == 200
        assert name in client.get("/api/v1/brands", headers=headers).text


def brands(runner: Runner) -> str:
    form = {"username": "admin", "password": runner.password, "grant_type": "password"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{runner.port}") as client:
        token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
        return client.get("/api/v1/brands", headers={"authorization": f"Bearer {token}"}).text


def test_a_hub_starts_stops_and_survives_being_killed(runner: Runner) -> None:
    began = time.monotonic()
    with runner.start() as started:
        text = wait_for_banner(started)
        assert time.monotonic() - began < HEALTHY_SECONDS
        assert f"http://127.0.0.1:{runner.port}" in text
        assert runner.password in text
        add_brand(runner, "Kept through Ctrl-C")
        pids = list(runner.summary.pids.values())
        assert second_run_is_refused(runner)
        began = time.monotonic()
        started.send_signal(signal.SIGINT)
        assert started.wait(STOPPED_SECONDS) == 0
        wait_gone(pids, 1)
        assert StateFolder(runner.folder).read_summary() is None

    with runner.start() as started:
        wait_for_banner(started)
        assert "Kept through Ctrl-C" in brands(runner)
        add_brand(runner, "Kept through kill -9")
        pids = list(runner.summary.pids.values())
        os.killpg(started.pid, signal.SIGKILL)
    wait_gone(pids)

    with runner.start() as started:
        wait_for_banner(started)
        assert "Kept through kill -9" in brands(runner)
        pids = list(runner.summary.pids.values())
        # All at once, the database among them, as when a machine loses power.
        for pid in (started.pid, *pids):
            # The children of a killed runner go by themselves, perhaps before their turn.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_gone(pids)

    with runner.start() as started:
        wait_for_banner(started)
        assert "Kept through kill -9" in brands(runner)
        started.send_signal(signal.SIGTERM)
        assert started.wait(STOPPED_SECONDS) == 0


def second_run_is_refused(runner: Runner) -> bool:
    with Ports() as ports, runner.start(HUB_GATEWAY_PORT=str(ports.take_free())) as second:
        output, _ = second.communicate(timeout=HEALTHY_SECONDS)
    assert second.returncode == 2, output
    assert "HUB_STATE_DIR" in output
    assert runner.summary.gateway_url.endswith(str(runner.port))
    return True


def test_a_taken_port_is_named_with_its_variable(runner: Runner) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with runner.start(HUB_GATEWAY_PORT=str(port)) as started:
            output, _ = started.communicate(timeout=HEALTHY_SECONDS)
    assert started.returncode == 2
    assert str(port) in output
    assert "HUB_GATEWAY_PORT" in output


def test_two_hubs_start_side_by_side() -> None:
    with scratch_folder() as folder, Ports() as ports:
        runners = [Runner(folder / name, ports.take_free()) for name in ("one", "two")]
        ports.release()
        started = [runner.start() for runner in runners]
        for process in started:
            wait_for_banner(process)
        first, second = (runner.summary for runner in runners)
        assert not set(first.addresses.values()) & set(second.addresses.values())
        add_brand(runners[0], "Only in the first")
        assert "Only in the first" not in brands(runners[1])
        for process in started:
            with process:
                process.send_signal(signal.SIGINT)
                assert process.wait(STOPPED_SECONDS) == 0
