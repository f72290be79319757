"""Patroni's configuration of one member. What is decided in it has its reasons in docs/decisions/0105."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.postgres import ADMIN, OPTIONS

Config = dict[str, Any]

# A primary that is gone is replaced TTL seconds after it was last heard of; 20 is the least that Patroni takes. The others
# have to fit into it: LOOP + 2 * RETRY <= TTL.
TTL_SECONDS = 20
LOOP_SECONDS = 5
RETRY_SECONDS = 5
API_PORT = 8008
# How this machine's server is reached is each member's own business; the rest is the cluster's, kept in etcd.
_OF_A_MEMBER = ("listen_addresses", "unix_socket_directories")


@dataclass(frozen=True, kw_only=True, repr=False)
class Passwords:
    """Of the administrator, of replication, of pg_rewind, and of Patroni's own interface."""

    admin: str
    replication: str
    rewind: str
    api: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """One Postgres and the Patroni that runs it. `host` is how the other members and the hub reach it."""

    name: str
    host: str
    port: int
    api_port: int
    data: Path
    programs: Path


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What all members have in common. `etcd` is host:port of each; `network` is who may connect, as pg_hba.conf has it."""

    name: str
    etcd: tuple[str, ...]
    passwords: Passwords
    network: str = "127.0.0.1/32"


def render(member: Member, cluster: Cluster) -> Config:
    """The whole configuration, ready to be written as YAML."""
    return {
        "scope": cluster.name,
        "name": member.name,
        "etcd3": {"hosts": list(cluster.etcd)},
        "restapi": {
            "listen": f"{member.host}:{member.api_port}",
            "connect_address": f"{member.host}:{member.api_port}",
            "authentication": {"username": "patroni", "password": cluster.passwords.api},
        },
        "bootstrap": {
            "dcs": _agreed(),
            "initdb": [
                {"encoding": "UTF8"},
                {"locale": "C"},
                {"locale-provider": "builtin"},
                {"builtin-locale": "C.UTF-8"},
                "data-checksums",
            ],
        },
        "postgresql": _server(member, cluster),
    }


def _agreed() -> Config:
    """What the members agree on through etcd; changed later with `patronictl edit-config` only."""
    return {
        "ttl": TTL_SECONDS,
        "loop_wait": LOOP_SECONDS,
        "retry_timeout": RETRY_SECONDS,
        # A commit is acknowledged once any one of the standbys has it, and only such a standby is promoted.
        "synchronous_mode": "quorum",
        "synchronous_node_count": 1,
        # A server that crashed is replaced at once: the standby has everything that was acknowledged.
        "primary_start_timeout": 0,
        # An etcd that is away does not stop the primary while it reaches all members.
        "failsafe_mode": True,
        "postgresql": {
            "use_pg_rewind": True,
            "use_slots": True,
            "parameters": {name: value for name, value in OPTIONS.items() if name not in _OF_A_MEMBER},
        },
    }


def _server(member: Member, cluster: Cluster) -> Config:
    passwords = cluster.passwords
    return {
        "listen": f"{member.host}:{member.port}",
        "connect_address": f"{member.host}:{member.port}",
        "data_dir": str(member.data),
        "bin_dir": str(member.programs),
        "pgpass": str(member.data.with_name(f"{member.name}.pgpass")),
        "parameters": {"unix_socket_directories": "", "password_encryption": "scram-sha-256"},
        "authentication": {
            "superuser": {"username": ADMIN, "password": passwords.admin},
            "replication": {"username": "replicator", "password": passwords.replication},
            "rewind": {"username": "rewinder", "password": passwords.rewind},
        },
        "pg_hba": [
            f"host replication replicator {cluster.network} scram-sha-256",
            f"host all all {cluster.network} scram-sha-256",
        ],
        "basebackup": [{"checkpoint": "fast"}],
    }
