"""Runs the tests of the former release, its code and all, on the schema that the present migrations make.

Given to that release's pytest as a plugin. It puts the present migration step in the place of the former one; nothing else of
the former release is touched, which is why this file imports nothing that it may not have.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import deploy.local.hub
import deploy.local.migrate

_MIGRATE = """
import asyncio, sys
from deploy.local.migrate import migrate
asyncio.run(migrate(sys.argv[1], sys.argv[2], tuple(sys.argv[3:])))
"""


def _run(url: str, role_secret: str, schemas: tuple[str, ...]) -> None:
    present = os.environ["HUB_PRESENT_CODE"]
    done = subprocess.run(
        [sys.executable, "-c", _MIGRATE, url, role_secret, *schemas],
        cwd=present,
        env={**os.environ, "PYTHONPATH": f"{present}:{present}/gen"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the present migrations failed:\n{done.stderr}")


async def _migrate(
    admin_url: str, role_secret: str, schemas: tuple[str, ...] = ("auth", "catalog", "inventory", "sync")
) -> None:
    await asyncio.to_thread(_run, admin_url, role_secret, schemas)


async def _migrate_hub(hub: Any) -> None:
    told = hub.environments.migration()
    await _migrate(told["DATABASE_URL"], told["HUB_ROLE_SECRET"])


deploy.local.migrate.migrate = _migrate
deploy.local.hub.Hub._migrate = _migrate_hub  # type: ignore[method-assign,assignment]  # takes the place of the former one
