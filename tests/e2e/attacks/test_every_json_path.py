"""Every operation of the OpenAPI document, fed requests that its schemas and somebody's malice make: no 5xx, no hang, no inside.

The document is the only thing that is known here, as to any stranger.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from build_tools.protos import ensure_generated
from deploy.local.settings import ROOT

Json = Any
INSIDE = ("Traceback", "asyncpg", "sqlalchemy", "SELECT ", "psycopg", "site-packages", "<class", 'File "')
# Given at the wrong moment these would end the run instead of testing it.
SPARED = {"RotateKeys", "ChangeMyPassword", "DeleteUser", "DeactivateUser", "RevokeToken"}
TEXTS = [
    *("", "a", "00845-P-1-WY-N", "A1-S2", "%", "' OR 1=1 --", "\0", "💥\u202e", "x" * 300, "x" * 20_000),
    *("-1", "*", "{}", "../.."),
]
NUMBERS = [0, 1, 2, 7, 99, -1, 1000, 1001, 2**31 - 1, -(2**31), 2**63, 10**30, 1.5, -0.0, 1e308]
ODD: list[Json] = [None, True, "text", 7, [], {}, [[]], {"nosuch": {"deeper": [1]}}]
TIMES = [
    "2026-03-14T09:26:53Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2026-02-30T00:00:00Z",
    "yesterday",
]
VERBS = ("get", "post", "put", "patch", "delete")
AT_ONCE = 16
HANGS_AFTER_SECONDS = 20.0
SHORT_ROUNDS, LONG_REQUESTS = 2, 20_000
_VARIABLE = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True)
class Operation:
    """One verb of one path."""

    verb: str
    path: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.verb.upper()} {self.path}"

    @property
    def is_stream(self) -> bool:
        """Whether the answer may go on for ever."""
        return self.path.endswith("/watch")


def document() -> dict[str, Any]:
    ensure_generated()
    found: dict[str, Any] = json.loads((ROOT / "gen" / "openapi.json").read_text(encoding="utf-8"))
    return found


DOCUMENT = document()
OPERATIONS = [
    Operation(verb, path, spec)
    for path, item in sorted(DOCUMENT["paths"].items())
    for verb, spec in item.items()
    if verb in VERBS and spec["operationId"] not in SPARED and "Session" not in spec["operationId"]
]


class Maker:
    """Requests by their schemas; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def request(self, operation: Operation) -> dict[str, Any]:
        """Arguments of an HTTP client."""
        parameters = operation.spec.get("parameters", [])
        inside = {one["name"]: one for one in parameters if one["in"] == "path"}
        path = _VARIABLE.sub(lambda found: self._in_path(inside.get(found[1], {})), operation.path)
        query = [
            (one["name"], self._as_text(self.value(one.get("schema", {})))[:3000])
            for one in parameters
            if one["in"] == "query" and self._random.random() < 0.4
        ]
        if self._random.random() < 0.03:
            query.append(("nosuch", "1"))
        asked: dict[str, Any] = {"method": operation.verb.upper(), "url": path, "params": query}
        return {**asked, **self._body(operation)}

    def _in_path(self, parameter: dict[str, Any]) -> str:
        return quote(self._as_text(self.value(parameter.get("schema", {})))[:3000], safe="") or "0"

    def _as_text(self, value: Json) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    def _body(self, operation: Operation) -> dict[str, Any]:
        content = operation.spec.get("requestBody", {}).get("content", {})
        if not content:
            return {}
        kind = self._random.choice(sorted(content))
        made = self.value(content[kind].get("schema", {}))
        if "json" not in kind:
            pairs = made.items() if isinstance(made, dict) else [("x", made)]
            text = "&".join(f"{quote(str(name))}={quote(self._as_text(value)[:3000])}" for name, value in pairs)
            return {"content": text.encode(), "headers": {"content-type": kind}}
        text = json.dumps(made)
        if self._random.random() < 0.05:
            text = text[: self._random.randrange(len(text) + 1)]
        return {"content": text.encode(), "headers": {"content-type": kind}}

    def value(self, schema: dict[str, Any], depth: int = 0) -> Json:
        """Mostly what the schema asks for, sometimes anything."""
        if self._random.random() < 0.08:
            return self._random.choice(ODD)
        if "$ref" in schema:
            return self.value(self._resolved(schema["$ref"]), depth)
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return self.value(self._random.choice(schema[several]), depth)
        if "allOf" in schema:
            parts = [self.value(part, depth) for part in schema["allOf"]]
            return {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}
        if "enum" in schema:
            return self._random.choice([*schema["enum"], "NO_SUCH_VALUE", 9999])
        return self._of_type(schema, depth)

    def _of_type(self, schema: dict[str, Any], depth: int) -> Json:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            count = self._random.choice([0, 1, 2, 2, 30])
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)] if depth < 6 else []
        if kind == "boolean":
            return self._random.choice([True, False])
        if kind in ("integer", "number"):
            return self._random.choice(NUMBERS)
        if schema.get("format") == "date-time":
            return self._random.choice(TIMES)
        if schema.get("format") in ("int64", "uint64"):
            return str(self._random.choice(NUMBERS))
        return self._random.choice([*TEXTS, str(schema.get("example", "a"))])

    def _object(self, schema: dict[str, Any], depth: int) -> Json:
        required = set(schema.get("required", ()))
        likely = 0.6 if depth < 3 else 0.1
        made = {
            name: self.value(inner, depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if self._random.random() < (0.9 if name in required else likely)
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and self._random.random() < likely:
            made[self._random.choice(TEXTS)] = self.value(more, depth + 1)
        return made

    def _resolved(self, reference: str) -> dict[str, Any]:
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)


async def complaint(client: httpx2.AsyncClient, operation: Operation, seed: int) -> str | None:
    """What is wrong with the answer to one made-up request, if anything."""
    asked = Maker(seed).request(operation)
    shown = f"{operation.name} (seed {seed}): {asked['url'][:100]} {str(asked['params'])[:150]}"
    try:
        async with client.stream(**asked, timeout=0.5 if operation.is_stream else HANGS_AFTER_SECONDS) as answer:
            if operation.is_stream and answer.status_code < 400:
                return None
            await answer.aread()
    except httpx2.TimeoutException:
        # A stream may have nothing to say.
        return None if operation.is_stream else f"{shown}: no answer"
    except httpx2.TransportError as error:
        return f"{shown}: {type(error).__name__} {error}"
    if answer.status_code >= 500 or any(word in answer.text for word in INSIDE):
        return f"{shown}: {answer.status_code} {answer.text[:300]}"
    return None if answer.status_code < 400 else _badly_told(shown, answer)


def _badly_told(shown: str, answer: httpx2.Response) -> str | None:
    try:
        said = answer.json()
    except ValueError:
        return f"{shown}: {answer.status_code} is no JSON: {answer.text[:200]}"
    if {"code", "message", "details"} <= set(said) or "error" in said:
        return None
    return f"{shown}: {answer.status_code} has another shape: {answer.text[:200]}"


async def fuzz(client: httpx2.AsyncClient, seeds: Iterator[int]) -> list[str]:
    """One made-up request to each operation; the complaints."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(operation: Operation, seed: int) -> str | None:
        async with slots:
            return await complaint(client, operation, seed)

    found = await asyncio.gather(*(one(operation, next(seeds)) for operation in OPERATIONS))
    return [item for item in found if item]


def seeds_from(first: int) -> Iterator[int]:
    while True:
        yield first
        first += 1


async def test_made_up_requests_never_break_a_path(rubbish: httpx2.AsyncClient) -> None:
    seeds = seeds_from(1)
    assert [one for _ in range(SHORT_ROUNDS) for one in await fuzz(rubbish, seeds)] == []


@pytest.mark.long
async def test_twenty_thousand_made_up_requests(rubbish: httpx2.AsyncClient) -> None:
    """HUB_FUZZ_SEED makes another run, or one run again."""
    seeds = seeds_from(int(os.environ.get("HUB_FUZZ_SEED", "2000000")))
    rounds = LONG_REQUESTS // len(OPERATIONS) + 1
    assert [one for _ in range(rounds) for one in await fuzz(rubbish, seeds)] == []
