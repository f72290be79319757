"""The hub as a stranger finds it: healthy, listing its services, speaking gRPC, gRPC-web and JSON on one port."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import grpc
import httpx2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from build_tools.descriptors import load, ours
from deploy.local.hub import Hub

SERVICES = {"auth", "catalog", "inventory", "sync"}
BUF = Path(sys.executable).with_name("buf")


async def test_health_names_all_services(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "SERVING"
    assert {item["name"]: item["status"] for item in body["services"]} == dict.fromkeys(SERVICES, "SERVING")


async def test_reflection_lists_every_service(hub: Hub) -> None:
    async def ask() -> object:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with grpc.aio.insecure_channel(hub.gateway_url.removeprefix("http://")) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        async for answer in stub.ServerReflectionInfo(ask()):
            listed = {item.name for item in answer.list_services_response.service}
    assert {name for name in load().services if ours(name)} <= listed


def buf_curl(hub: Hub, protocol: str, method: str, *options: str) -> subprocess.CompletedProcess[str]:
    url = f"{hub.gateway_url}/{method}"
    command = [str(BUF), "curl", "--protocol", protocol, "--reflect", "--reflect-protocol", "grpc-v1alpha"]
    return subprocess.run(
        [*command, "--http2-prior-knowledge", *options, "-d", "{}", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_foreign_client_speaks_grpc_and_grpc_web(hub: Hub, admin_token: str) -> None:
    for protocol in ("grpc", "grpcweb"):
        signed = ("--header", f"authorization: Bearer {admin_token}")
        done = buf_curl(hub, protocol, "usav.auth.v1.AuthService/GetMe", *signed)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["username"] == hub.admin_user


def test_a_foreign_client_without_a_token_is_told_why(hub: Hub) -> None:
    for protocol in ("grpc", "grpcweb"):
        done = buf_curl(hub, protocol, "usav.auth.v1.AuthService/GetMe")
        error = json.loads(done.stderr)
        assert error["code"] == "unauthenticated"
        assert error["message"].startswith("Sign in first")


async def test_a_service_that_is_gone_shows_in_health_and_comes_back(hub: Hub, admin: httpx2.AsyncClient) -> None:
    await hub.processes["sync"].stop()
    try:
        answer = await admin.get("/health")
        assert answer.status_code == 503
        assert "sync" in answer.json()["message"]
        missing = await admin.get("/api/v1/listings")
        assert missing.status_code == 503
        assert missing.json()["code"] == 14
    finally:
        await hub.processes["sync"].start()
        await hub.wait_healthy()
