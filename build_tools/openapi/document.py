"""Joins the operations of all routes to one OpenAPI 3.1 document."""

from __future__ import annotations

import tomllib
from typing import Any

from build_tools.descriptors import Hub
from build_tools.layout import ROOT
from build_tools.openapi import errors
from build_tools.openapi.operations import Operations, tag_of
from build_tools.openapi.schemas import Schemas
from build_tools.routes import all_routes
from chassis.access import Policy

Json = dict[str, Any]

TOKEN_PATH = "/api/v1/auth/token"

_DESCRIPTION = """The JSON API of the hub. The same calls are served as gRPC and gRPC-web on the same port.

- Sign in at `POST /api/v1/auth/token` and send the access token as `Authorization: Bearer ...`.
- 64-bit numbers are strings, times are UTC, money is `{"currency_code": "USD", "units": "129", "nanos": 950000000}`.
- Lists take `page_size` and `page_token`; an empty `next_page_token` ends them.
- A change takes a `request_id`: the same id and body again give the same answer and change nothing twice.
- `PATCH` changes the fields it is given, or those that `update_mask` names. Fields that do not exist are ignored.
- Errors have the form of `google.rpc.Status`; `reason` in its `ErrorInfo` is for programs.
- `Roles` under each call tells who may call it; `any` is every signed-in user.
"""


def build(hub: Hub, policies: dict[str, Policy]) -> Json:
    """The document. Raises RouteError when two paths collapse into one."""
    schemas = Schemas(hub)
    operations = Operations(hub, schemas, policies)
    paths: Json = {}
    for route in all_routes(hub):
        paths.setdefault(route.path, {})[route.verb] = operations.of(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "USAV Inventory Hub", "version": _version(), "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"password": []}],
        "tags": [{"name": name} for name in sorted({tag_of(path) for path in paths})],
        "paths": dict(sorted(paths.items())),
        "components": _components(schemas),
    }


def _components(schemas: Schemas) -> Json:
    named = schemas.components | {"google.rpc.Status": errors.STATUS_SCHEMA}
    return {
        "schemas": dict(sorted(named.items())),
        "responses": errors.component_responses(),
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "password": {"type": "oauth2", "flows": {"password": {"tokenUrl": TOKEN_PATH, "scopes": {}}}},
        },
    }


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])
