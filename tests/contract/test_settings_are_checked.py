"""A configuration with one wrong value stops with a message that names it, whichever value of whichever process it is."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from build_tools.layout import GENERATED, ROOT
from build_tools.reference.configuration import classes, fields_of
from chassis.settings import SettingsError, is_required, load

# What no setting takes: a control character is no part of a name, a number, an address, a path or a secret.
NONSENSE = "\x07 nonsense"
NUMBERS = ("-1", "1e99", "nan", "inf", "999999999999")
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
RIGHT = {
    "HUB_DATABASE_URL": "postgresql://hub:secret@127.0.0.1:1/hub",
    "HUB_SEAL_KEY": "a seal key of the tests",
    "HUB_CREDENTIAL_KEY": KEY,
}
EVERY = [(cls, item) for cls in classes().values() for item in fields_of(cls)]
PROCESSES = {
    "auth_svc": "HUB_PASSWORD_WORKERS",
    "catalog_svc": "HUB_LISTINGS_TIMEOUT",
    "inventory_svc": "HUB_POOL_SIZE",
    "sync_svc": "HUB_SYNC_LEASE",
    "sandbox": "HUB_SANDBOX_PORT",
    "deploy.gateway": "HUB_TRUSTED_PROXIES",
    "deploy.local": "HUB_LOG_LEVEL",
    "deploy.local.migrate": "HUB_STATE_DIR",
}


def named(value: tuple[type[Any], dataclasses.Field[Any]]) -> str:
    return f"{value[0].__name__}-{value[1].metadata['variable']}"


def right_values(cls: type[Any]) -> dict[str, str]:
    return {
        item.metadata["variable"]: RIGHT[item.metadata["variable"]] for item in fields_of(cls) if is_required(item)
    } | {name: value for name, value in RIGHT.items() if name in {item.metadata["variable"] for item in fields_of(cls)}}


@pytest.mark.parametrize("every", EVERY, ids=named)
def test_a_wrong_value_is_named(every: tuple[type[Any], dataclasses.Field[Any]]) -> None:
    cls, item = every
    variable = item.metadata["variable"]
    wrong = [NONSENSE, *(NUMBERS if is_number(cls, item) else ())]
    for value in wrong:
        with pytest.raises(SettingsError, match=rf"^{variable}: ") as refused:
            load(cls, {**right_values(cls), variable: value})
        if item.metadata["secret"]:
            assert "nonsense" not in str(refused.value)


@pytest.mark.parametrize("every", [one for one in EVERY if is_required(one[1])], ids=named)
def test_a_missing_value_is_named(every: tuple[type[Any], dataclasses.Field[Any]]) -> None:
    cls, item = every
    variable = item.metadata["variable"]
    with pytest.raises(SettingsError, match=f"^{variable} is not set"):
        load(cls, {name: value for name, value in right_values(cls).items() if name != variable})


@pytest.mark.parametrize("cls", classes().values(), ids=lambda cls: cls.__name__)
def test_right_values_and_defaults_are_taken(cls: type[Any]) -> None:
    load(cls, right_values(cls))


def is_number(cls: type[Any], item: dataclasses.Field[Any]) -> bool:
    hint = get_type_hints(cls)[item.name]
    return hint in (int, float, timedelta)


@pytest.mark.parametrize("module", PROCESSES)
def test_the_process_stops_and_says_why(module: str, tmp_path: Path) -> None:
    variable = PROCESSES[module]
    ended = run(module, tmp_path, {**RIGHT, variable: NONSENSE})
    assert ended.returncode == 2, ended.stderr
    assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("module", "values", "named"),
    [
        ("sync_svc", {"HUB_SYNC_LEASE": "20"}, "HUB_SYNC_LEASE"),
        ("sync_svc", {"HUB_CREDENTIAL_KEY": ""}, "HUB_CREDENTIAL_KEY"),
        ("catalog_svc", {"HUB_MTLS_CA": __file__}, "HUB_MTLS_CERT"),
        ("catalog_svc", {"HUB_MTLS_CA": "/none/ca.pem"}, "HUB_MTLS_CA"),
        ("catalog_svc", {"HUB_CLIENT_ID": "catalog-svc"}, "HUB_CLIENT_SECRET"),
        ("deploy.gateway", {"HUB_TLS_CERT": __file__}, "HUB_TLS_KEY"),
        ("deploy.gateway", {"HUB_TLS_CERT": "/none/chain.pem"}, "HUB_TLS_CERT"),
    ],
)
def test_values_that_do_not_go_together_are_named(
    module: str, values: Mapping[str, str], named: str, tmp_path: Path
) -> None:
    ended = run(module, tmp_path, {**RIGHT, **values})
    assert ended.returncode == 2, ended.stderr
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def run(module: str, folder: Path, values: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A process as it is started, with these settings alone."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HUB_") and name != "DATABASE_URL"}
    arguments = ["status"] if module == "deploy.local" else []
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**own, "PYTHONPATH": f"{ROOT}:{GENERATED}", **values},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
