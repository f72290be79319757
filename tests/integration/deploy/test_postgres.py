"""The embedded Postgres: keeps what was committed through every kind of end, and lets nobody in without a password."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresError, PostgresPlace, program
from tests.factories.folders import scratch_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder() as made:
        yield made


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    with Ports() as ports:
        place = PostgresPlace(folder / "postgres", folder / "logs" / "postgres.log", ports.take_free(), "p" * 16)
        made = EmbeddedPostgres(place)
        await made.start()
        yield made
        await made.stop()


async def remember(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.place.url("postgres"))
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    await connection.close()


async def recall(server: EmbeddedPostgres) -> int:
    connection = await asyncpg.connect(server.place.url("postgres"))
    found: int = await connection.fetchval("SELECT n FROM kept")
    await connection.close()
    return found


async def test_data_outlives_a_restart(server: EmbeddedPostgres) -> None:
    await remember(server)
    await server.stop()
    await server.start()
    assert await recall(server) == 1


async def test_data_outlives_a_crash_and_the_server_comes_back_by_itself(server: EmbeddedPostgres) -> None:
    await remember(server)
    server.process.kill()
    await asyncio.sleep(0.05)
    await server.wait_ready()
    assert await recall(server) == 1
    assert server.process.crashes == 1


async def test_a_server_left_over_from_a_killed_run_is_replaced(server: EmbeddedPostgres) -> None:
    await remember(server)
    second = EmbeddedPostgres(server.place)
    await server.process._end_supervision()
    await second.start()
    try:
        assert not server.process.running
        assert await recall(second) == 1
    finally:
        await second.stop()


async def test_a_stale_pid_file_that_names_another_program_is_no_obstacle(server: EmbeddedPostgres) -> None:
    await server.stop()
    (server.place.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.place.data}\n1\n1\n\n\n\n")
    await server.start()
    assert server.is_ready()


async def test_an_interrupted_first_start_leaves_nothing_half_made(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    with Ports() as ports:
        server = EmbeddedPostgres(PostgresPlace(folder / "postgres", folder / "log", ports.take_free(), "p" * 16))
        await server.start()
        await server.stop()
    assert set(os.listdir(folder)) == {"log", "postgres"}


async def test_data_of_another_major_version_is_refused(server: EmbeddedPostgres) -> None:
    await server.stop()
    version = server.place.data / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(PostgresError, match="17"):
        await server.start()


async def test_nobody_gets_in_without_the_password(server: EmbeddedPostgres) -> None:
    wrong = server.place.url("postgres").replace("p" * 16, "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


async def test_it_listens_on_loopback_only_and_keeps_what_it_acknowledged(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.place.url("postgres"))
    shown = {
        name: await connection.fetchval(f"SHOW {name}") for name in ("listen_addresses", "fsync", "synchronous_commit")
    }
    checksums = await connection.fetchval("SHOW data_checksums")
    await connection.close()
    assert shown == {"listen_addresses": "127.0.0.1", "fsync": "on", "synchronous_commit": "on"}
    assert checksums == "on"


def test_the_client_programs_are_there() -> None:
    for name in ("psql", "pg_dump", "pg_restore", "pg_basebackup", "pgbench"):
        assert os.access(program(name), os.X_OK), name


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_it_shuts_down_in_order_when_its_runner_is_killed(folder: Path) -> None:
    runner = textwrap.dedent(f"""
        import asyncio, pathlib
        from deploy.local.ports import Ports
        from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
        async def main():
            folder = pathlib.Path({str(folder)!r})
            server = EmbeddedPostgres(PostgresPlace(folder / "data", folder / "log", Ports().take_free(), "p" * 16))
            await server.start()
            print(server.process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", runner], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        started.stdout.readline()
        os.kill(started.pid, signal.SIGKILL)
    for _ in range(200):
        if not (folder / "data" / "postmaster.pid").exists():
            break
        time.sleep(0.05)
    assert "database system is shut down" in (folder / "log").read_text()
