"""`python -m deploy.ha run`: three Postgres on this machine; `config NAME HOST ...`: the file of one member elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import yaml

from chassis.settings import SettingsError
from deploy.ha.etcd import EtcdMissing
from deploy.ha.local import HaError, LocalCluster
from deploy.ha.patroni import API_PORT, Cluster, Member, render
from deploy.ha.secrets import load_passwords
from deploy.local.ports import PortTaken
from deploy.local.settings import load_settings

_WRONG_USE = 2


def main() -> int:
    """Exits 2 for what the user can put right at once, 1 for what broke."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    arguments = _parser().parse_args()
    try:
        code: int = arguments.command(arguments)
    except (SettingsError, EtcdMissing, PortTaken) as error:
        print(f"ha: {error}", file=sys.stderr)
        return _WRONG_USE
    except HaError as error:
        print(f"ha: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.ha", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run all of it on this machine until Ctrl-C")
    run.set_defaults(command=_run)
    config = commands.add_parser("config", help="print Patroni's configuration of one member")
    config.set_defaults(command=_config)
    config.add_argument("name", help="of the member, as pg1")
    config.add_argument("host", help="under which the others and the hub reach it")
    config.add_argument("--etcd", required=True, help="host:port of each etcd, separated by commas")
    config.add_argument(
        "--passwords", required=True, type=Path, help="a file of the same content on all; made when missing"
    )
    config.add_argument("--network", required=True, help="who may connect, as 10.0.0.0/24")
    config.add_argument("--data", type=Path, default=Path("/var/lib/postgresql/18/hub"), help="the data folder")
    config.add_argument("--programs", type=Path, default=Path("/usr/lib/postgresql/18/bin"), help="where postgres is")
    return parser


def _run(_: argparse.Namespace) -> int:
    return asyncio.run(_serve(LocalCluster(load_settings(os.environ).state / "ha")))


async def _serve(cluster: LocalCluster) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    starting, waiting = asyncio.create_task(cluster.start()), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            print(f"DATABASE_URL='{cluster.url()}'\nLogs: {cluster.folder}/logs. Ctrl-C stops everything.", flush=True)
            await waiting
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await cluster.stop()
    return 0


def _config(arguments: argparse.Namespace) -> int:
    etcd = tuple(one.strip() for one in arguments.etcd.split(",") if one.strip())
    member = Member(
        name=arguments.name,
        host=arguments.host,
        port=5432,
        api_port=API_PORT,
        data=arguments.data,
        programs=arguments.programs,
    )
    cluster = Cluster(name="hub", etcd=etcd, passwords=load_passwords(arguments.passwords), network=arguments.network)
    print(yaml.safe_dump(render(member, cluster), sort_keys=False), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
