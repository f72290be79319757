"""compose.yaml says nothing that is not there: names, volumes, files, settings; and every process is limited and shut in."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from auth_svc.settings import AuthSettings
from catalog_svc.settings import CatalogSettings
from deploy.backup.settings import BackupSettings
from deploy.local.postgres import OPTIONS
from deploy.local.settings import ROOT
from inventory_svc.settings import InventorySettings
from sync_svc.settings import SyncSettings
from tests.factories.dockerfile import steps_of

DEPLOY = ROOT / "deploy"
STACK = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
OURS = {name: spec for name, spec in SERVICES.items() if "build" in spec}
SETTINGS = {
    "auth": AuthSettings,
    "catalog": CatalogSettings,
    "inventory": InventorySettings,
    "sync": SyncSettings,
}
# What is no setting of a class: read by the probe, or by the image itself.
_OTHERS = {"HUB_SERVICE"}
# Given by the operator, who keeps them elsewhere.
_GIVEN = {"HUB_BACKUP_KEY", "AWS_SECRET_ACCESS_KEY"}
# Of the specification at compose-spec.io; a misspelt key would be refused by the engine only.
KEYS = {
    "build", "cap_add", "cap_drop", "command", "depends_on", "deploy", "environment", "healthcheck", "image", "init", "logging",
    "network_mode", "networks", "ports", "profiles", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period",
    "stop_signal", "tmpfs", "volumes",
}  # fmt: skip


def volumes_of(spec: dict[str, Any]) -> list[str]:
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", one).split(":")[0] for one in spec.get("volumes", [])]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_names_only_what_is_there(name: str) -> None:
    spec = SERVICES[name]
    assert spec.keys() <= KEYS
    assert set(spec.get("networks", [])) <= STACK["networks"].keys()
    for volume in volumes_of(spec):
        assert (DEPLOY / volume).exists() if volume.startswith(".") else volume in STACK["volumes"], volume
    for other, how in _dependencies(spec).items():
        one_shot = SERVICES[other]["restart"] == "no"
        assert (how == "service_completed_successfully") == one_shot, other
        assert spec.get("profiles") or not SERVICES[other].get("profiles")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_limited_and_comes_back(name: str) -> None:
    spec = SERVICES[name]
    assert {"cpus", "memory"} <= spec["deploy"]["resources"]["limits"].keys()
    assert spec["restart"] in {"unless-stopped", "no"}
    assert spec["logging"]["options"]["max-size"]
    for port in spec.get("ports", []):
        # Docker's own rules go before a firewall's: what is not bound to an address is open to the world.
        assert port.startswith(("127.0.0.1:", "${HUB_BIND:-127.0.0.1}:"))


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_as_little_as_possible(name: str) -> None:
    spec = OURS[name]
    assert spec["cap_drop"] == ["ALL"]
    assert spec["security_opt"] == ["no-new-privileges:true"]
    assert spec.get("read_only") or name == "db"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_service_is_told_settings_that_it_has(name: str) -> None:
    known = {item.metadata["variable"] for item in dataclasses.fields(SETTINGS[name]) if item.metadata}
    told = OURS[name]["environment"].keys() - _OTHERS
    assert {variable for variable in told if not {variable, variable.removesuffix("_FILE")} & known} == set()


def test_no_secret_is_told_but_by_file_and_no_process_sees_anothers() -> None:
    for name, spec in OURS.items():
        shown = [volume for volume in volumes_of(spec) if volume.startswith("secret-")]
        if name != "secrets":
            own = {"db": "secret-postgres", "backups": "secret-backup"}.get(name, f"secret-{name}")
            assert shown in ([own], []), name
            assert not [
                key
                for key in spec["environment"]
                if re.search("PASSWORD|SECRET|(SEAL|CREDENTIAL)_KEY|DATABASE_URL", key)
                and not key.endswith("_FILE")
                and key not in _GIVEN
            ]
    makers = [name for name, spec in SERVICES.items() if "secret-keys" in volumes_of(spec)]
    assert makers == ["secrets"]
    assert OURS["secrets"]["network_mode"] == "none"


def test_no_password_stands_in_the_files() -> None:
    for path in (DEPLOY / "compose.yaml", DEPLOY / "env.example", DEPLOY / "compose.dev.yaml"):
        for line in path.read_text().splitlines():
            assert (
                not re.search(r"(PASSWORD|SECRET|_KEY)\w*[=:] *[^$\s/{-]", line) or "FILE" in line or "TLS" in line
            ), line


def test_every_variable_is_in_the_sample_and_nothing_else() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    shown = set(re.findall(r"^#?([A-Z_0-9]+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    assert shown - {"COMPOSE_PROFILES"} == used


def test_services_start_when_what_they_need_is_well() -> None:
    order = ["secrets", "db", "migrate", "auth", "gateway"]
    for earlier, later in pairwise(order):
        assert earlier in _dependencies(SERVICES[later])
    assert _dependencies(SERVICES["gateway"]).keys() == {"auth", "catalog", "inventory", "sync"}


def test_the_changes_for_development_fit() -> None:
    changed = yaml.safe_load((DEPLOY / "compose.dev.yaml").read_text())["services"]
    assert changed.keys() <= SERVICES.keys()
    for name, spec in changed.items():
        assert not spec.get("command") or spec["command"] == ["deploy.containers.reload", *SERVICES[name]["command"]]


def test_the_server_is_set_as_the_embedded_one() -> None:
    text = (DEPLOY / "postgres" / "postgresql.conf").read_text()
    found = {key: value.strip("'") for key, value in re.findall(r"^(\w+) = (.*)$", text, re.MULTILINE)}
    differing = {"listen_addresses", "unix_socket_directories", "shared_buffers"}
    assert {key: found.get(key) for key in OPTIONS if key not in differing} == {
        key: value for key, value in OPTIONS.items() if key not in differing
    }


def test_images_run_as_nobody_in_particular_and_hold_what_exists() -> None:
    stage = ""
    users: dict[str, str] = {}
    for step in steps_of((DEPLOY / "Dockerfile").read_text()):
        if step.verb == "FROM":
            stage = step.rest.partition(" AS ")[2]
        elif step.verb == "USER":
            users[stage] = step.rest
        elif step.verb == "COPY" and "--from" not in step.rest:
            source = next(word for word in step.words if not word.startswith("--"))
            assert (ROOT / source).exists(), source
            assert _goes_to_the_builder(Path(source)), source
    assert users == {"service": "10001:10001", "gateway": "10001:10001"}


def test_postgres_programs_find_their_user_in_the_image() -> None:
    """initdb and a server that runs alone end at once under a number without a name."""
    known = [line.split(":")[2:4] for line in (DEPLOY / "containers" / "passwd").read_text().splitlines()]
    assert ["10001", "10001"] in known


def test_going_back_to_any_second_can_be_switched_on() -> None:
    """The scheduler is told of it, keeps the log on a volume of its own, and Postgres lets it receive that."""
    backups = OURS["backups"]
    variables = {item.metadata["variable"]: item for item in dataclasses.fields(BackupSettings)}
    told = {name: value for name, value in backups["environment"].items() if name.startswith("HUB_BACKUP_")}
    assert told.keys() <= variables.keys()
    # A key file lies in no volume; all else that can be said of backups can be said here.
    assert variables.keys() - told.keys() == {"HUB_BACKUP_KEY_FILE"}
    assert {f"{told['HUB_BACKUP_TO'].split(':-')[1].strip('}')}", told["HUB_BACKUP_WAL_FOLDER"]} <= {
        one.split(":")[-1] for one in backups["volumes"]
    }
    rules = [line.split() for line in (DEPLOY / "postgres" / "pg_hba.conf").read_text().splitlines() if line[0] != "#"]
    assert ["host", "replication", "hub_admin", "all", "scram-sha-256"] in rules
    assert [rule for rule in rules if rule[0] == "host" and rule[-1] != "scram-sha-256"] == []


def test_the_services_can_be_put_behind_a_pooler() -> None:
    for name in SETTINGS:
        assert OURS[name]["environment"]["HUB_DATABASE_POOL_MODE"] == "${HUB_DATABASE_POOL_MODE:-session}"
        assert OURS[name]["environment"]["HUB_DATABASE_DIRECT_URL_FILE"] == "/run/hub/direct_url"


def _goes_to_the_builder(path: Path) -> bool:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return f"!{path.parts[0]}" in lines


def _dependencies(spec: dict[str, Any]) -> dict[str, str]:
    found = spec.get("depends_on", {})
    if isinstance(found, list):
        return dict.fromkeys(found, "service_started")
    return {name: how["condition"] for name, how in found.items()}
