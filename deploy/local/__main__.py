"""`python -m deploy.local run | status | clean-state`: the hub of one machine from the command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable

from chassis.settings import SettingsError
from deploy.local.banner import banner
from deploy.local.hub import Hub, HubStartError
from deploy.local.ports import PortTaken
from deploy.local.postgres import PostgresError
from deploy.local.settings import HubSettings, load_settings
from deploy.local.state import StateFolder, StateInUse
from deploy.local.status import print_status

_WRONG_USE = 2


def main() -> int:
    """Exits 2 for what the user can put right at once (a setting, a port, another hub), 1 for what broke."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        return _COMMANDS[arguments.command](load_settings(os.environ))
    except (SettingsError, PortTaken, StateInUse) as error:
        print(f"hub: {error}", file=sys.stderr)
        return _WRONG_USE
    except (HubStartError, PostgresError) as error:
        print(f"hub: {error}", file=sys.stderr)
        return 1


def _run(settings: HubSettings) -> int:
    return asyncio.run(_serve(settings))


async def _serve(settings: HubSettings) -> int:
    """Runs until a signal; the second one does not wait for anything."""
    hub = Hub(settings, report=lambda text: print(text, flush=True))
    stopping = asyncio.Event()
    _on_signals(hub, stopping)
    starting = asyncio.create_task(hub.start())
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            print(banner(hub), flush=True)
            await waiting
        print("stopping...", flush=True)
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await hub.stop()
    return 0


def _on_signals(hub: Hub, stopping: asyncio.Event) -> None:
    def ask() -> None:
        if stopping.is_set():
            hub.kill()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)


def _status(settings: HubSettings) -> int:
    return asyncio.run(print_status(StateFolder(settings.state)))


def _clean_state(settings: HubSettings) -> int:
    state = StateFolder(settings.state)
    print(f"removed {state.path}" if state.remove() else f"there is no {state.path}")
    return 0


_COMMANDS: dict[str, Callable[[HubSettings], int]] = {
    "run": _run,
    "status": _status,
    "clean-state": _clean_state,
}

if __name__ == "__main__":
    raise SystemExit(main())
