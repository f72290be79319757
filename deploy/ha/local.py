"""The whole of it on one machine: three etcd, three Patroni, each with its Postgres, on loopback and under one folder.

async with LocalCluster(folder) as cluster:
    cluster.url(), await cluster.leader(), cluster.kill("pg1")
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from deploy.ha.etcd import EtcdMember, etcd_command
from deploy.ha.patroni import Cluster, Member, Passwords, render
from deploy.ha.secrets import load_passwords
from deploy.local import http
from deploy.local.ports import Ports
from deploy.local.postgres import ADMIN, DATABASE, program
from deploy.local.postgres_user import postgres_user
from deploy.local.processes import Command, ManagedProcess
from deploy.local.secrets import write_private
from deploy.local.settings import ROOT
from deploy.local.topology import LOOPBACK

PATRONI = ROOT / ".venv-ha" / "bin" / "patroni"
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_MEMBERS = 3


class HaError(Exception):
    """The cluster did not come up, or is not installed; the text says what to do."""


class LocalCluster:
    """Use it as a context manager, or `start` and `stop` it. A folder that was used before goes on with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, ManagedProcess] = {}
        self.members: dict[str, Member] = {}
        self._user = postgres_user()
        self._ports = Ports()
        self._passwords: Passwords

    async def __aenter__(self) -> LocalCluster:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def url(self, database: str = DATABASE) -> str:
        """The administrator's address of all members, as DATABASE_URL takes it."""
        hosts = ",".join(f"{member.host}:{member.port}" for member in self.members.values())
        return f"postgresql://{ADMIN}:{self._passwords.admin}@{hosts}/{database}"

    async def start(self) -> None:
        """Starts everything and waits until one member takes writes and the others follow it in step.

        Raises HaError, EtcdMissing, PortTaken.
        """
        if not PATRONI.exists():
            raise HaError("Patroni is not installed; run `scripts/setup ha`")
        try:
            self._prepare()
            await asyncio.gather(*(process.start() for process in self.processes.values()))
            await self.until(lambda roles: sorted(roles.values()) == ["leader", *["quorum_standby"] * (_MEMBERS - 1)])
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Standbys first, so that nobody is promoted on the way out. Safe to repeat."""
        roles = await self.roles() if self.members else {}
        followers = [name for name in self.members if roles.get(name) != "leader"]
        leaders = [name for name in self.members if name not in followers]
        stores = [name for name in self.processes if name not in self.members]
        try:
            for names in (followers, leaders, stores):
                await asyncio.gather(*(self.processes[name].stop() for name in names))
        finally:
            self._ports.release()

    async def roles(self) -> dict[str, str]:
        """The role of each member that runs, as the first that answers sees it."""
        for member in self.members.values():
            status, body = await http.request(member.api_port, "GET", "/cluster")
            if status == 200:
                told: dict[str, Any] = json.loads(body)
                return {one["name"]: one["role"] for one in told["members"] if one["state"] in {"running", "streaming"}}
        return {}

    async def leader(self) -> str:
        """The name of the member that takes writes. Raises HaError when there is none in time."""
        roles = await self.until(lambda found: "leader" in found.values())
        return next(name for name, role in roles.items() if role == "leader")

    async def until(self, holds: Any, seconds: float = _START_SECONDS) -> dict[str, str]:
        """Waits until the roles are as asked for, and tells them. Raises HaError."""
        deadline = time.monotonic() + seconds
        while not holds(roles := await self.roles()):
            if time.monotonic() > deadline:
                raise HaError(f"the members do not get there: {roles or 'none answers'}\n{self._tails()}")
            await asyncio.sleep(0.2)
        return roles

    def kill(self, name: str) -> None:
        """What a power cut does to one member: its Postgres and its Patroni end at once, and stay away until `revive`."""
        self.processes[name].give_up()
        pid_file = self.members[name].data / "postmaster.pid"
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)

    async def revive(self, name: str) -> None:
        """Starts a killed member again; it becomes a standby of whoever leads now."""
        await self.processes[name].stop()
        await self.processes[name].start()

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._user.let_reach(self.folder)
        self._user.let_run(program("postgres").parent.parent)
        self._user.let_reach(PATRONI.resolve().parent)
        self._user.let_reach((PATRONI.parent / "python").resolve().parent)
        self._passwords = load_passwords(self.folder / "passwords.json")
        etcd = self._etcd()
        cluster = Cluster(name="hub", etcd=tuple(one.address for one in etcd), passwords=self._passwords)
        for one in etcd:
            self.processes[one.name] = ManagedProcess(etcd_command(one, etcd, self.folder))
        for number in range(1, _MEMBERS + 1):
            member = self._member(f"pg{number}")
            self.members[member.name] = member
            self.processes[member.name] = ManagedProcess(self._patroni(member, cluster))

    def _etcd(self) -> tuple[EtcdMember, ...]:
        names = [f"etcd{number}" for number in range(1, _MEMBERS + 1)]
        return tuple(EtcdMember(name, *self._pair(name)) for name in names)

    def _pair(self, name: str) -> tuple[int, int]:
        """The two ports of a member, the same at every start: etcd remembers where its peers are. Raises PortTaken."""
        path = self.folder / "ports.json"
        known: dict[str, list[int]] = json.loads(path.read_text()) if path.exists() else {}
        if name in known:
            first, second = (self._ports.take(port, "HUB_STATE_DIR") for port in known[name])
            return first, second
        pair = self._ports.take_free(), self._ports.take_free()
        write_private(path, json.dumps({**known, name: pair}) + "\n")
        return pair

    def _member(self, name: str) -> Member:
        home = self.folder / name
        home.mkdir(mode=0o700, exist_ok=True)
        self._user.own(home)
        port, api_port = self._pair(name)
        return Member(
            name=name,
            host=LOOPBACK,
            port=port,
            api_port=api_port,
            data=home / "data",
            programs=program("postgres").parent,
        )

    def _patroni(self, member: Member, cluster: Cluster) -> Command:
        config = member.data.with_name("patroni.yaml")
        write_private(config, yaml.safe_dump(render(member, cluster), sort_keys=False))
        self._user.own(config)
        return Command(
            name=member.name,
            argv=(str(PATRONI), str(config)),
            log=self.folder / "logs" / f"{member.name}.log",
            # PATRONI_ and PG variables of the caller would change the configuration.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            cwd=member.data.parent,
            user=self._user.name,
            stop_seconds=_STOP_SECONDS,
            orphan_signal=signal.SIGTERM,
        )

    def _tails(self) -> str:
        return "\n".join(f"{name}:\n{self.processes[name].tail(8)}" for name in self.members)
