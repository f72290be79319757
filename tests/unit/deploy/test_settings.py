"""Settings of a hub: a wrong one is named, a file stands behind the environment, and secrets go only where they belong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.settings import SettingsError
from deploy.local.environment import Environments, role_url
from deploy.local.ports import Ports
from deploy.local.secrets import load_secrets
from deploy.local.settings import HubSettings, load_settings
from deploy.local.topology import SERVICES, choose_ports


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HUB_GATEWAY_PORT", "eighty"),
        ("HUB_GATEWAY_PORT", "70000"),
        ("HUB_LOG_LEVEL", "LOUD"),
        ("HUB_CORS_ORIGINS", "shop.example"),
        ("DATABASE_URL", "mysql://a:b@h/hub"),
        ("HUB_START_SECONDS", "soon"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_settings({variable: value}, tmp_path / ".env")


def test_the_environment_stands_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("HUB_GATEWAY_PORT=9001\nHUB_ADMIN_USER=ada\nHUB_SYNC_WORKERS=3\n")
    settings = load_settings({"HUB_GATEWAY_PORT": "9002"}, file)
    assert (settings.gateway_port, settings.admin_user) == (9002, "ada")
    assert settings.environ["HUB_SYNC_WORKERS"] == "3"


@pytest.fixture
def environments(tmp_path: Path) -> Iterator[Environments]:
    environ = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://boss:pw@h/hub",
        "HUB_ROLE_SECRET": "r",
        "HUB_PORT": "1",
        "HUB_SYNC_WORKERS": "3",
    }
    settings = HubSettings(
        gateway_port=0,
        admin_password="admins own",
        environ=environ,
        extra_env={"*": {"HUB_ALL": "1"}, "sync": {"HUB_SYNC_WORKERS": "5"}},
    )
    secrets = load_secrets(tmp_path / "secrets.json", environ)
    with Ports(tmp_path / "ports") as ports:
        topology = choose_ports(settings, ports)
        yield Environments(settings, topology, secrets, "postgresql://boss:pw@h1:1,h2:2/hub?sslmode=require")


def test_no_service_is_told_the_administrators_secrets(environments: Environments) -> None:
    for spec in SERVICES:
        environment = environments.service(spec, 50051)
        assert "DATABASE_URL" not in environment
        assert "HUB_ROLE_SECRET" not in environment
        assert not any("boss:pw" in value for value in environment.values())
        assert ("HUB_ADMIN_PASSWORD" in environment) is (spec.name == "auth")
        assert ("HUB_CREDENTIAL_KEY" in environment) is (spec.name == "sync")


def test_a_pooler_stands_before_the_database_and_each_service_knows_the_way_past_it(environments: Environments) -> None:
    pooled = replace(environments.settings, database_pooler_url="postgresql://boss:pw@pooler:6432/hub")
    for spec in SERVICES:
        told = replace(environments, settings=pooled).service(spec, 50051)
        assert told["HUB_DATABASE_POOL_MODE"] == "transaction"
        assert told["HUB_DATABASE_URL"].endswith("@pooler:6432/hub")
        assert told["HUB_DATABASE_DIRECT_URL"] == environments.service(spec, 50051)["HUB_DATABASE_URL"]
    assert replace(environments, settings=pooled).migration()["DATABASE_URL"] == environments.database_url


def test_every_service_knows_all_addresses_and_its_own_port(environments: Environments) -> None:
    for spec in SERVICES:
        environment = environments.service(spec, 50999)
        assert environment["HUB_PORT"] == "50999"
        for other in SERVICES:
            assert environment[f"HUB_{other.name.upper()}_ADDRESS"] == environments.topology.address(other.name)


def test_the_accounts_that_auth_knows_are_those_the_services_use(environments: Environments) -> None:
    accounts = environments.service(SERVICES[0], 1)["HUB_SERVICE_ACCOUNTS"].split(",")
    for spec in SERVICES[1:]:
        environment = environments.service(spec, 1)
        account = f"{environment['HUB_CLIENT_ID']}:{environment['HUB_CLIENT_SECRET']}:SYSTEM_BOT"
        assert account in accounts


def test_extra_settings_reach_the_service_they_are_for(environments: Environments) -> None:
    sync = environments.service(SERVICES[3], 1)
    assert (sync["HUB_SYNC_WORKERS"], sync["HUB_ALL"]) == ("5", "1")
    assert environments.service(SERVICES[0], 1)["HUB_SYNC_WORKERS"] == "3"


def test_a_roles_address_keeps_hosts_and_options() -> None:
    made = role_url("postgresql://boss:p%40w@h1:1,h2:2/hub?target_session_attrs=primary", "hub_auth", "x/y")
    assert made == "postgresql://hub_auth:x%2Fy@h1:1,h2:2/hub?target_session_attrs=primary"
