"""What `make run` prints: the commands name what exists, and the hub they are meant for."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.banner import banner
from deploy.local.hub import Hub
from deploy.local.settings import ROOT, HubSettings
from deploy.local.topology import Topology


def text_of(folder: Path) -> str:
    """The banner of a hub on a state folder."""
    hub = Hub(HubSettings(state_dir=folder, admin_password="lantern gravel outpost seven"))
    hub.topology = Topology(bind="127.0.0.1", gateway=8123, envoy_admin=1, postgres=2, sandbox=8090, services={})
    return banner(hub)


def test_addresses_admin_and_password_are_told(tmp_path: Path) -> None:
    text = text_of(tmp_path)
    for told in ("http://127.0.0.1:8123/api/v1/docs", "http://127.0.0.1:8090", "lantern gravel outpost seven", "admin"):
        assert told in text


def test_commands_are_plain_in_the_project_s_folder() -> None:
    lines = [line.strip() for line in text_of(ROOT / ".state").splitlines()]
    assert ".venv/bin/hubctl sign-in --local" in lines
    assert "make demo" in lines


@pytest.mark.parametrize("name", ["other", "with space"])
def test_commands_name_another_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    quoted = f"'{folder}'" if " " in name else str(folder)
    assert f"HUB_STATE_DIR={quoted} .venv/bin/hubctl sign-in --local" in text_of(folder)


def test_the_catalogue_to_import_is_there() -> None:
    command = next(line for line in text_of(ROOT / ".state").splitlines() if " import " in line)
    assert (ROOT / command.split()[-1]).is_file()
