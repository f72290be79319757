"""A real PgBouncer in transaction mode, by the file that deploy/postgres has for one, in front of a test's Postgres."""

from __future__ import annotations

import asyncio
import configparser
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local.ports import Ports
from deploy.local.postgres_user import postgres_user
from deploy.local.processes import Command, ManagedProcess
from deploy.local.settings import ROOT
from tests.factories.folders import scratch_folder

_SAMPLE = ROOT / "deploy" / "postgres" / "pgbouncer.ini"
# As docs/deploy.md has it, and the administrator too, whom some tests work as.
_USERS = """SELECT format('"%s" "%s"', rolname, rolpassword) FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'"""


def program() -> str:
    """The path of PgBouncer. Skips the test where there is none."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        pytest.skip("there is no `pgbouncer` in the PATH; on Debian and Ubuntu: apt-get install pgbouncer")
    return found


@dataclass(frozen=True)
class Pooler:
    """One that runs. Its address has the user, password and database of the address behind it."""

    url: str
    process: ManagedProcess


@asynccontextmanager
async def pgbouncer(url: str, *, sessions: int, **settings: str) -> AsyncIterator[Pooler]:
    """Runs it until the block ends, with so many server sessions for each role."""
    executable = program()
    direct = urlsplit(url)
    with scratch_folder() as folder, Ports() as ports:
        port = ports.take_free()
        await _write_users(url, folder / "users")
        own = {"listen_port": str(port), "auth_file": str(folder / "users"), "default_pool_size": str(sessions)}
        _write_settings(folder / "pgbouncer.ini", direct.port or 5432, direct.path.lstrip("/"), {**own, **settings})
        user = postgres_user()
        user.let_reach(folder)
        user.own(folder)
        process = ManagedProcess(
            Command(
                name="pgbouncer", argv=(executable, str(folder / "pgbouncer.ini")), log=folder / "log", user=user.name
            )
        )
        await process.start()
        try:
            pooled = direct._replace(netloc=f"{direct.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()
            await _until_it_answers(pooled, process)
            yield Pooler(pooled, process)
        finally:
            await process.stop()


async def _write_users(url: str, file: Path) -> None:
    connection = await asyncpg.connect(url)
    users = "".join(f"{line}\n" for (line,) in await connection.fetch(_USERS))
    await connection.close()
    await asyncio.to_thread(file.write_text, users)


def _write_settings(file: Path, server_port: int, database: str, own: dict[str, str]) -> None:
    settings = configparser.ConfigParser(comment_prefixes=(";",))
    settings.read(_SAMPLE)
    assert settings["pgbouncer"]["pool_mode"] == "transaction"
    settings["databases"] = {database: f"host=127.0.0.1 port={server_port} dbname={database}"}
    settings["pgbouncer"].update({"listen_addr": "127.0.0.1", "unix_socket_dir": "", **own})
    with file.open("w") as written:
        settings.write(written)


async def _until_it_answers(url: str, process: ManagedProcess) -> None:
    for _ in range(100):
        try:
            await (await asyncpg.connect(url, statement_cache_size=0)).close()
        except OSError:
            assert not process.crashes, process.tail()
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(process.tail())
