"""Every documented path answers, asks who is there, and takes hostile input without ever breaking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from build_tools.descriptors import Field, Hub, load
from build_tools.protos import ensure_generated
from build_tools.routes import Route, all_routes

PUBLIC = ("/health", "/.well-known/jwks.json", "/api/v1/webhooks/", "/api/v1/auth/token", "/api/v1/auth/revoke")
# A fine id that nothing has: what is tried with it may not end the caller's own session, say.
NOBODYS = "99999"
_VARIABLE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Path:
    """One JSON path and what its request looks like."""

    route: Route
    fields: tuple[Field, ...]

    def filled(self, value: str) -> str:
        """The path with every variable set."""
        return _VARIABLE.sub(value, self.route.template)

    @property
    def verb(self) -> str:
        return self.route.verb.upper()

    @property
    def is_stream(self) -> bool:
        return self.route.method.proto.server_streaming


def paths() -> list[Path]:
    ensure_generated()
    hub = load()
    return [Path(route, _body_fields(hub, route)) for route in all_routes(hub)]


def _body_fields(hub: Hub, route: Route) -> tuple[Field, ...]:
    request = hub.messages[route.method.request]
    if route.body in {"", "*"}:
        return request.fields
    body = request.field(route.body)
    assert body is not None
    return hub.messages[body.type_name].fields


PATHS = [path for path in paths() if not path.is_stream]
NAMES = [str(path.route) for path in PATHS]


def every_path(test: Any) -> Any:
    return pytest.mark.parametrize("path", PATHS, ids=NAMES)(test)


def assert_refused_well(answer: httpx2.Response) -> None:
    assert answer.status_code < 500, answer.text[:500]
    if answer.status_code >= 400:
        body = answer.json()
        assert body.keys() >= {"code", "message", "details"} or "error" in body, answer.text[:500]


@every_path
async def test_it_answers(admin: httpx2.AsyncClient, path: Path) -> None:
    answer = await admin.request(path.verb, path.filled("0"))
    assert "PATH_UNKNOWN" not in answer.text
    assert answer.status_code != 405
    assert_refused_well(answer)


@every_path
async def test_it_asks_who_is_there(client: httpx2.AsyncClient, path: Path) -> None:
    # A stream of requests is an array as JSON; anything else is refused before the service is asked.
    content = b"[{}]" if path.route.method.proto.client_streaming else b""
    answer = await client.request(path.verb, path.filled("0"), content=content)
    if path.route.path.startswith(PUBLIC):
        assert_refused_well(answer)
        return
    assert answer.status_code == 401, answer.text
    assert answer.json()["details"][0]["reason"] == "TOKEN_MISSING"


@every_path
async def test_hostile_paths_do_not_break_it(admin: httpx2.AsyncClient, path: Path) -> None:
    if "{" not in path.route.template:
        return
    for value in ("%00", "%FF", "-1", str(10**30), "NaN", "x" * 5000, "'%20OR%201=1", "%F0%9F%92%A9", "..%2F..", "%20"):
        assert_refused_well(await admin.request(path.verb, path.filled(value)))


@every_path
async def test_hostile_queries_do_not_break_it(admin: httpx2.AsyncClient, path: Path) -> None:
    names = [field.name for field in path.fields if not field.type_name] if not path.route.body else ["request_id"]
    for name in names:
        for value in ("%00", "%FF", "-1", str(10**30), "NaN", "x" * 5000, "%27%3B--", ""):
            assert_refused_well(await admin.request(path.verb, f"{path.filled(NOBODYS)}?{name}={value}"))


@every_path
async def test_hostile_bodies_do_not_break_it(admin: httpx2.AsyncClient, path: Path) -> None:
    if not path.route.body:
        return
    for content in _bodies(path.fields):
        headers = {"content-type": "application/json"}
        answer = await admin.request(path.verb, path.filled("0"), content=content, headers=headers)
        assert_refused_well(answer)


def _bodies(fields: tuple[Field, ...]) -> Iterator[bytes]:
    yield from (b"", b"{", b"[]", b"null", b"\xff", b'{"unknown": 1}', b"[" * 10_000)
    for value in (
        b"-1",
        b"1e400",
        b"NaN",
        b'"a\\u0000b"',
        b'"' + b"x" * 100_000 + b'"',
        b"{}",
        b"[null]",
        b'"%s"',
        b"true",
    ):
        members = (b'"' + field.name.encode() + b'": ' + value for field in fields)
        yield b"{" + b", ".join(members) + b"}"
        for field in fields:
            yield b'{"' + field.name.encode() + b'": ' + value + b"}"
