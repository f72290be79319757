"""Every documented JSON path, fed every kind of rubbish: the answer is never a 5xx and always says what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from deploy.local.settings import ROOT

Json = Any
_AT_ONCE = 12
_LONG = "x" * 1_000_000
# A stream that ends when the reader leaves has no answer to wait for.
ENDLESS = {"/api/v1/sync/watch"}

PATH_VALUES = [
    "abc",
    "-1",
    "99999999999999999999",
    "1.5",
    "%00",
    "%27%20OR%201%3D1--",
    "x" * 3000,
    "%F0%9F%92%A5",
    "..%2F..%2Fetc",
]
QUERY_VALUES = ["abc", "-1", "1e30", "NaN", "\0", "' OR 1=1 --", "x" * 6000, "💥", "2026-13-45T99:99:99Z", "{}", "%"]
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
RAW_BODIES = [
    b"",
    b"{",
    b'{"a":}',
    b"[]",
    b"1",
    b'"text"',
    b"null",
    b"NaN",
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b"\x00\x01\x02",
    b"\xff\xfe{",
    b"{" * 5000,
    b"[" * 100_000,
    b'{"a":"' + b"x" * 1_000_000 + b'"}',
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

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [item for item in self.spec.get("parameters", []) if item["in"] == place]

    def url(self, **changed: str) -> str:
        """The path with its examples, and hostile values in their place where given."""
        path = self.path
        for item in self.parameters("path"):
            value = changed.get(item["name"], str(item.get("example", item.get("schema", {}).get("example", "1"))))
            path = path.replace("{" + item["name"] + "}", value)
        return path

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
        if verb in verbs and path not in ENDLESS
    ]


Request = tuple[str, str, dict[str, Any]]


def hostile_requests(operation: Operation) -> Iterator[Request]:
    """What is sent to one operation."""
    example = operation.body_example
    usual = {"json": example} if example is not None else {}
    for parameter in operation.parameters("path"):
        for value in PATH_VALUES:
            yield operation.verb, operation.url(**{parameter["name"]: value}), usual
    for parameter in operation.parameters("query"):
        for value in QUERY_VALUES:
            yield operation.verb, operation.url(), {**usual, "params": {parameter["name"]: value}}
    yield operation.verb, operation.url(), {**usual, "params": {"nosuch": "1"}}
    if operation.verb in ("post", "patch", "put"):
        for raw in RAW_BODIES:
            yield operation.verb, operation.url(), {"content": raw, "headers": {"content-type": "application/json"}}
    for changed in _changed(example or {}):
        yield (
            operation.verb,
            operation.url(),
            {"content": json.dumps(changed), "headers": {"content-type": "application/json"}},
        )


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


@pytest.mark.parametrize("operation", operations(), ids=lambda item: item.name)
async def test_rubbish_never_ends_in_a_5xx(admin: httpx2.AsyncClient, operation: Operation) -> None:
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
