"""Starts the sandbox process and stops it on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import errno
import signal
import sys

import uvloop

from chassis.settings import SettingsError, load
from sandbox.sandbox import Sandbox
from sandbox.settings import SandboxSettings


async def _serve(settings: SandboxSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Sandbox(settings.port, settings.state_file) as box:
        print(f"sandbox listening on {box.url}", flush=True)
        await stop.wait()


def main() -> int:
    """Runs until stopped. 2 when a setting is wrong or the port is taken."""
    try:
        settings = load(SandboxSettings)
        uvloop.run(_serve(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"Port {settings.port} is taken; set HUB_SANDBOX_PORT to another one.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
