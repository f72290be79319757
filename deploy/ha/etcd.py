"""The members of an etcd cluster on one machine, as commands. etcd is Debian's `etcd-server`, or any etcd from 3.4 on."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import Command

_HOST = "127.0.0.1"
# Of a machine that does much else: two and a half seconds without a word from the leader before another is chosen.
_HEARTBEAT_MS, _ELECTION_MS = 250, 2500


class EtcdMissing(Exception):
    """There is no etcd on this machine; the text says where it is to be had."""


@dataclass(frozen=True)
class EtcdMember:
    """One of them, with its two ports."""

    name: str
    client_port: int
    peer_port: int

    @property
    def address(self) -> str:
        """Where clients reach it, as host:port."""
        return f"{_HOST}:{self.client_port}"

    @property
    def peer_url(self) -> str:
        """Where its peers reach it."""
        return f"http://{_HOST}:{self.peer_port}"


def etcd_program() -> str:
    """The path of etcd. Raises EtcdMissing."""
    found = shutil.which("etcd")
    if found is None:
        raise EtcdMissing("there is no `etcd` in the PATH; on Debian and Ubuntu: apt-get install etcd-server")
    return found


def etcd_command(member: EtcdMember, members: tuple[EtcdMember, ...], folder: Path) -> Command:
    """Runs it on loopback; all members have to be started. Raises EtcdMissing."""
    client = f"http://{member.address}"
    options = {
        "name": member.name,
        "data-dir": str(folder / member.name),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": member.peer_url,
        "initial-advertise-peer-urls": member.peer_url,
        "initial-cluster": ",".join(f"{one.name}={one.peer_url}" for one in members),
        "initial-cluster-state": "new",
        "heartbeat-interval": str(_HEARTBEAT_MS),
        "election-timeout": str(_ELECTION_MS),
        "auto-compaction-retention": "1",
        "logger": "zap",
    }
    return Command(
        name=member.name,
        argv=(etcd_program(), *(f"--{name}={value}" for name, value in options.items())),
        log=folder / "logs" / f"{member.name}.log",
        # Variables named ETCD_ would be read as options.
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
    )
