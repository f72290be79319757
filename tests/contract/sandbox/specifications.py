"""The platforms' official specifications, when they are at hand: HUB_PLATFORM_SPECS names the folder of their folders.

They are not part of this project and are never shipped. Whatever dialect they are in, here they all look like OpenAPI 3.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

VARIABLE = "HUB_PLATFORM_SPECS"
EBAY = {
    "sell_inventory_v1_oas3.json": "/sell/inventory/v1",
    "sell_fulfillment_v1_oas3.json": "/sell/fulfillment/v1",
    "sell_account_v1_oas3.json": "/sell/account/v1",
    "commerce_notification_v1_oas3.json": "/commerce/notification/v1",
    "developer_analytics_v1_beta_oas3.json": "/developer/analytics/v1_beta",
}
AMAZON = dict.fromkeys(
    (
        "models/listingsItems_2021-08-01.json",
        "models/feeds_2021-06-30.json",
        "models/orders_2026-01-01.json",
        "models/ordersV0.json",
        "models/notifications.json",
        "models/sellers.json",
    ),
    "",
)
ZOHO = dict.fromkeys(
    (
        "items.yml",
        "inventoryadjustments.yml",
        "salesorders.yml",
        "packages.yml",
        "shipmentorders.yml",
        "organizations.yml",
    ),
    "/inventory/v1",
)
_VERBS = {"get", "put", "post", "patch", "delete"}


def folder(platform: str = "ebay") -> Path | None:
    """Where a platform's specifications are, or None."""
    named = os.environ.get(VARIABLE)
    found = Path(named) / platform if named else None
    return found if found and found.is_dir() else None


def problems(schema: Mapping[str, Any], body: Any) -> list[str]:
    """What is wrong with a document."""
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


@dataclass(frozen=True)
class Operation:
    """One documented operation."""

    name: str
    document: dict[str, Any]
    components: dict[str, Any]

    def request_problems(self, body: Any) -> list[str]:
        """What is wrong with a request body."""
        content = self.document.get("requestBody", {}).get("content", {}).get("application/json")
        return self._problems(content, body)

    def response_problems(self, status: int, body: Any) -> list[str]:
        """What is wrong with an answer: an undocumented status, a field that is unknown or of another type."""
        responses = self.document["responses"]
        if str(status) not in responses:
            return [f"status {status} is not documented"]
        # 207 answers are documented without a schema; they look like those of 200.
        described = responses[str(status)].get("content") or (responses["200"].get("content") if status == 207 else {})
        return self._problems((described or {}).get("application/json"), body)

    def headers(self, status: int) -> set[str]:
        """The headers an answer may have, in lower case."""
        return {name.lower() for name in self.document["responses"].get(str(status), {}).get("headers") or {}}

    def error_ids(self) -> set[int]:
        """Error ids the operation may answer with."""
        found: set[int] = set()
        for response in self.document["responses"].values():
            found |= {int(code) for code in (response.get("x-response-codes") or {}).get("errors", {})}
        return found

    def _problems(self, content: Any, body: Any) -> list[str]:
        if not content or body is None:
            return []
        return problems({**content["schema"], "components": self.components}, body)


class Specifications:
    """All operations by verb and path. `files` are names in the folder with the path each of them begins at."""

    def __init__(self, path: Path, files: Mapping[str, str] = EBAY, extra: Mapping[str, Any] | None = None) -> None:
        self._operations: dict[tuple[str, str], Operation] = {}
        for name, base in files.items():
            document = _loaded(path / name)
            components = _closed(document.get("components", {}), extra or {})
            for verb, template, operation in _operations(document):
                key = (verb.upper(), _shape(base + template))
                self._operations[key] = Operation(operation["operationId"], operation, components)

    def find(self, verb: str, path: str) -> Operation | None:
        """The operation of a path template or of a real path; fixed segments win over variables."""
        parts = path.strip("/").split("/")
        fitting = [
            (shape.count("{}"), operation)
            for (method, shape), operation in self._operations.items()
            if method == verb and _fits(shape.strip("/").split("/"), parts)
        ]
        return min(fitting, key=lambda entry: entry[0])[1] if fitting else None


def _loaded(path: Path) -> dict[str, Any]:
    text = path.read_text()
    if path.suffix == ".yml":
        document: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
        return document
    document = json.loads(text)
    return document if "openapi" in document else _modern(text)


def _modern(text: str) -> dict[str, Any]:
    """A document of Swagger 2 as one of OpenAPI 3, as far as bodies go."""
    document: dict[str, Any] = json.loads(text.replace("#/definitions/", "#/components/schemas/"))
    document["components"] = {"schemas": document.pop("definitions")}
    for _, _, operation in _operations(document):
        for parameter in operation.get("parameters", []):
            if parameter.get("in") == "body":
                operation["requestBody"] = {"content": {"application/json": {"schema": parameter["schema"]}}}
        for response in operation["responses"].values():
            if "schema" in response:
                response["content"] = {"application/json": {"schema": response.pop("schema")}}
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for template, entry in document["paths"].items():
        for verb, operation in entry.items():
            if verb in _VERBS and "operationId" in operation:
                yield verb, template, operation


def _shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template).rstrip("/")


def _fits(segments: list[str], parts: list[str]) -> bool:
    return len(segments) == len(parts) and all(
        segment == "{}" if part.startswith("{") else segment in {part, "{}"}
        for segment, part in zip(segments, parts, strict=True)
    )


def _closed(components: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas with unknown fields forbidden, so that a misspelt field shows; `extra` fields are known everywhere."""
    closed = copy.deepcopy(components)
    for schema in closed.get("schemas", {}).values():
        _close(schema, extra)
    # The specification calls item aspects a string; every page and example shows a map of lists.
    product = closed.get("schemas", {}).get("Product", {}).get("properties", {})
    product.pop("aspects", None)
    return closed


def _close(schema: Any, extra: Mapping[str, Any]) -> None:
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("properties"), dict) and schema["properties"]:
        for inner in schema["properties"].values():
            _close(inner, extra)
        schema["properties"] = {**extra, **schema["properties"]}
        schema.setdefault("additionalProperties", False)
    _close(schema.get("items"), extra)
