"""The documented body of every operation with one value at a time, at any depth, made hostile; and fields named by refusals.

Paths, queries and malformed bodies are tried in tests/e2e/gateway/test_every_path.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from deploy.local.settings import ROOT

Json = Any
_AT_ONCE = 12
_VARIABLE = re.compile(r"\{[^}]*\}")
_LONG = "x" * 1_000_000

BODY_VALUES: list[Json] = [
    None,
    "a\0b",
    10**30,
    -(10**30),
    -1,
    1.5,
    True,
    "' OR 1=1; DROP TABLE x --",
    "NO_SUCH_VALUE",
    [],
    {},
    [[[[[[]]]]]],
    {"nosuch": {"deeper": 1}},
    "\ud83d\udca5\u202e\u0000",
    "x" * 20_000,
]


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    verb: str
    path: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.verb.upper()} {self.path}"

    @property
    def url(self) -> str:
        """The path, with ids that nothing has: what is tried must not end the caller's own session, say."""
        return _VARIABLE.sub("99999", self.path)

    @property
    def body_example(self) -> dict[str, Any] | None:
        content = self.spec.get("requestBody", {}).get("content", {}).get("application/json", {})
        example = content.get("example")
        if example is None:
            example = next((item["value"] for item in content.get("examples", {}).values()), None)
        return example if isinstance(example, dict) else None


def operations() -> list[Operation]:
    document = json.loads((ROOT / "gen" / "openapi.json").read_text())
    verbs = ("get", "post", "put", "patch", "delete")
    return [
        Operation(verb, path, spec)
        for path, item in sorted(document["paths"].items())
        for verb, spec in item.items()
        if verb in verbs
    ]


Request = tuple[str, str, dict[str, Any]]


def hostile_requests(operation: Operation) -> Iterator[Request]:
    """What is sent to one operation."""
    headers = {"content-type": "application/json"}
    for changed in _changed(operation.body_example or {}):
        yield operation.verb, operation.url, {"content": json.dumps(changed), "headers": headers}


def _changed(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key, present in example.items():
        for value in BODY_VALUES:
            yield {**example, key: value}
        if isinstance(present, dict):
            for inner in _changed(present):
                yield {**example, key: inner}
        if isinstance(present, list) and present and isinstance(present[0], dict):
            for inner in _changed(present[0]):
                yield {**example, key: [inner]}


async def send(client: httpx2.AsyncClient, request: Request) -> httpx2.Response | str:
    verb, url, options = request
    try:
        return await client.request(verb.upper(), url, **options)
    except httpx2.TransportError as error:
        return f"{type(error).__name__}: {error}"


def complaint(request: Request, answer: httpx2.Response | str) -> str | None:
    """What is wrong with an answer, if anything."""
    shown = f"{request[0].upper()} {request[1][:120]} {str(request[2])[:160]}"
    if isinstance(answer, str):
        return f"{shown}: no answer ({answer})"
    if answer.status_code >= 500:
        return f"{shown}: {answer.status_code} {answer.text[:200]}"
    if answer.status_code < 400:
        return None
    if answer.status_code in (400, 401, 429) and answer.headers.get("content-type", "").startswith("application/json"):
        said = answer.json()
        if "error" in said and "/auth/" in request[1]:
            return None
    try:
        said = answer.json()
    except ValueError:
        return f"{shown}: {answer.status_code} is no JSON: {answer.text[:200]}"
    missing = {"code", "message", "details"} - set(said)
    leaked = any(word in answer.text for word in ("Traceback", "asyncpg", "sqlalchemy", "SELECT ", "psycopg"))
    return f"{shown}: {answer.status_code} {answer.text[:200]}" if missing or leaked else None


WITH_BODY = [operation for operation in operations() if operation.body_example]


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda item: item.name)
async def test_a_hostile_value_never_ends_in_a_5xx(admin: httpx2.AsyncClient, operation: Operation) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(request: Request) -> str | None:
        async with slots:
            return complaint(request, await send(admin, request))

    found = await asyncio.gather(*(one(request) for request in hostile_requests(operation)))
    assert [item for item in found if item] == []


@pytest.mark.parametrize(
    ("verb", "path", "body", "field"),
    [
        ("post", "/api/v1/families", {"name": "a\0b"}, "name"),
        ("post", "/api/v1/families", {"name": _LONG}, "name"),
        ("post", "/api/v1/families", {"product_id": -5, "name": "x"}, "product_id"),
        ("post", "/api/v1/families", {"product_id": 100_000, "name": "x"}, "product_id"),
        ("post", "/api/v1/identities", {"product_id": 1, "type": "NO_SUCH"}, "type"),
        ("post", "/api/v1/variants", {"identity_id": 1, "price": {"currency_code": "USD", "units": "-5"}}, "price"),
        ("post", "/api/v1/inventory/receive", {"sku": "x", "count": -1}, "count"),
        ("post", "/api/v1/inventory/receive", {"sku": "x" * 500}, "sku"),
        ("get", "/api/v1/families?page_size=-1", None, "page_size"),
        ("get", "/api/v1/inventory?status=NO_SUCH", None, "status"),
        ("get", "/api/v1/listings?page_token=rubbish", None, "page_token"),
        (
            "post",
            "/api/v1/auth/users",
            {"username": "no spaces allowed", "password": "x" * 14, "role": "ADMIN"},
            "username",
        ),
        ("post", "/api/v1/auth/users", {"username": "short_pass", "password": "short", "role": "ADMIN"}, "password"),
    ],
)
async def test_the_wrong_field_is_named(
    admin: httpx2.AsyncClient, verb: str, path: str, body: Json, field: str
) -> None:
    answer = await admin.request(verb.upper(), path, json=body)
    assert 400 <= answer.status_code < 500
    assert field in answer.text, answer.text
