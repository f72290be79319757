"""A hub that encrypts everything: TLS towards callers, mutual TLS between its processes."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from build_tools.protos import ensure_generated
from chassis.identity import name_of
from deploy.local.certificates import LocalCertificate
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.e2e.conftest import clean_environment
from tests.factories.folders import scratch_folder


@dataclass
class Encrypted:
    """The hub and what is needed to talk to it."""

    hub: Hub
    certificate: LocalCertificate

    def file(self, name: str) -> bytes:
        return (self.hub.state.path / "mtls" / name).read_bytes()

    async def ask(self, service: str, credentials: grpc.ChannelCredentials | None, name: str) -> str:
        """The code of a call past the gateway."""
        address, options = self.hub.addresses[service], [("grpc.ssl_target_name_override", name)]
        if credentials is None:
            channel = grpc.aio.insecure_channel(address)
        else:
            channel = grpc.aio.secure_channel(address, credentials, options=options)
        async with channel:
            try:
                await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
        return "OK"


@pytest.fixture(scope="module")
async def encrypted() -> AsyncIterator[Encrypted]:
    ensure_generated()
    with scratch_folder() as folder:
        certificate = LocalCertificate(Path(folder) / "tls")
        certificate.make()
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            mtls=True,
            environ={
                **clean_environment(),
                "HUB_TLS_CERT": str(certificate.chain),
                "HUB_TLS_KEY": str(certificate.key),
            },
            skip=frozenset({"sandbox"}),
            postgres_options={"fsync": "off"},
        )
        async with Hub(settings) as hub:
            yield Encrypted(hub, certificate)


@pytest.fixture
async def client(encrypted: Encrypted) -> AsyncIterator[httpx2.AsyncClient]:
    trusting = ssl.create_default_context(cafile=str(encrypted.certificate.authority))
    async with httpx2.AsyncClient(base_url=encrypted.hub.gateway_url, verify=trusting, timeout=30) as made:
        yield made


async def test_callers_speak_tls_and_are_told_to_keep_to_it(encrypted: Encrypted, client: httpx2.AsyncClient) -> None:
    assert encrypted.hub.gateway_url.startswith("https://")
    answer = await client.get("/health")
    assert answer.status_code == 200, answer.text
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    async with httpx2.AsyncClient() as plain:
        with pytest.raises(httpx2.TransportError):
            await plain.get(encrypted.hub.gateway_url.replace("https", "http"))


async def test_old_versions_of_tls_are_not_spoken(encrypted: Encrypted) -> None:
    old = ssl.create_default_context(cafile=str(encrypted.certificate.authority))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with httpx2.AsyncClient(verify=old) as made:
        with pytest.raises(httpx2.TransportError):
            await made.get(f"{encrypted.hub.gateway_url}/health")


async def test_calls_pass_through_all_the_hops(encrypted: Encrypted, client: httpx2.AsyncClient) -> None:
    hub = encrypted.hub
    form = {"grant_type": "password", "username": hub.admin_user, "password": hub.admin_password}
    token = (await client.post("/api/v1/auth/token", data=form)).json()["access_token"]
    client.headers["authorization"] = f"Bearer {token}"
    family = (await client.post("/api/v1/families", json={"name": "Wave"})).json()
    identity = {"product_id": family["product_id"], "type": "Product"}
    made = (await client.post("/api/v1/identities", json=identity)).json()
    variant = (await client.post("/api/v1/variants", json={"identity_id": made["id"]})).json()
    # The catalogue asks sync for the listings, inventory asks the catalogue for the variant.
    assert (await client.get(f"/api/v1/variants/{variant['id']}")).status_code == 200
    received = await client.post("/api/v1/inventory/receive", json={"sku": variant["full_sku"], "count": 1})
    assert received.status_code == 200, received.text


@pytest.mark.parametrize("service", ["auth", "catalog", "inventory", "sync"])
async def test_a_service_talks_to_nobody_without_a_certificate_of_the_hub(encrypted: Encrypted, service: str) -> None:
    authority = encrypted.file("authority.pem")
    assert await encrypted.ask(service, None, "") == "UNAVAILABLE"
    assert await encrypted.ask(service, grpc.ssl_channel_credentials(authority), name_of(service)) == "UNAVAILABLE"
    known = grpc.ssl_channel_credentials(authority, encrypted.file("sync.key"), encrypted.file("sync.pem"))
    assert await encrypted.ask(service, known, name_of(service)) == "OK"


async def test_a_service_cannot_pass_for_another(encrypted: Encrypted) -> None:
    known = grpc.ssl_channel_credentials(
        encrypted.file("authority.pem"), encrypted.file("sync.key"), encrypted.file("sync.pem")
    )
    assert await encrypted.ask("catalog", known, name_of("auth")) == "UNAVAILABLE"
