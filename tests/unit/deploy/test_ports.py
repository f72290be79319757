"""Ports are given to one hub only, and a taken one is named with its variable."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import Ports, PortTaken
from deploy.local.settings import HubSettings
from deploy.local.topology import choose_ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    with Ports(tmp_path) as made:
        yield made


@pytest.fixture
def of_another_hub(tmp_path: Path) -> Iterator[Ports]:
    with Ports(tmp_path) as made:
        yield made


def test_a_taken_port_is_named_with_its_variable(ports: Ports, taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"{taken}.*HUB_GATEWAY_PORT"):
        ports.take(taken, "HUB_GATEWAY_PORT")


def test_a_preferred_port_that_is_taken_gives_a_free_one(ports: Ports, taken: int) -> None:
    assert ports.prefer(taken) != taken


def test_two_hubs_that_start_together_get_different_ports(ports: Ports, of_another_hub: Ports) -> None:
    port = ports.take_free()
    assert of_another_hub.prefer(port) != port
    with pytest.raises(PortTaken):
        of_another_hub.take(port, "HUB_AUTH_PORT")
    ports.release()
    assert of_another_hub.prefer(port) == port


def test_a_hub_does_not_take_its_own_port_twice(ports: Ports) -> None:
    port = ports.take_free()
    with pytest.raises(PortTaken, match="HUB_SYNC_PORT"):
        ports.take(port, "HUB_SYNC_PORT")


def test_a_named_port_goes_before_anothers_preference(ports: Ports) -> None:
    free = ports.take_free()
    ports.release()
    settings = HubSettings(gateway_port=0, sync_port=free, replicas={"catalog": 3}, skip=frozenset({"sandbox"}))
    topology = choose_ports(settings, ports)
    assert topology.services["sync"] == (free,)
    assert len(set(topology.services["catalog"])) == 3
    assert topology.address("catalog").startswith("ipv4:127.0.0.1:")
    assert topology.sandbox_url == ""


def test_another_postgres_needs_no_port(ports: Ports) -> None:
    settings = HubSettings(gateway_port=0, database_url="postgresql://a:b@h/hub")
    assert choose_ports(settings, ports).postgres == 0
