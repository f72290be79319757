"""`python -m deploy.gateway`: the configuration for a gateway that runs elsewhere, from the services' own variables."""

from __future__ import annotations

import json

import pytest

from build_tools.protos import ensure_generated
from chassis.setting_values import parse_hosts
from deploy.gateway.__main__ import main


def test_it_prints_a_configuration(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_generated()
    monkeypatch.setenv("HUB_BIND", "0.0.0.0")
    monkeypatch.setenv("HUB_CATALOG_ADDRESS", "catalog-1:50052,catalog-2:50052")
    assert main() == 0
    config = json.loads(capsys.readouterr().out)
    catalog = next(item for item in config["static_resources"]["clusters"] if item["name"] == "catalog")
    assert catalog["type"] == "STRICT_DNS"
    assert len(catalog["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 2


def test_a_wrong_address_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HUB_SYNC_ADDRESS", "nowhere")
    assert main() == 2
    assert "HUB_SYNC_ADDRESS" in capsys.readouterr().err


@pytest.mark.parametrize("raw", ["host", ":1", "host:", "host:port", "a:1,,b:2", "host:70000"])
def test_what_is_no_address_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_hosts(raw)
