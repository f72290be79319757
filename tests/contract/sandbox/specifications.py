"""The official eBay specifications, when they are at hand: HUB_PLATFORM_SPECS names the folder that holds `ebay/`.

They are not part of this project and are never shipped.
"""

from __future__ import annotations

import copy
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

VARIABLE = "HUB_PLATFORM_SPECS"
_FILES = {
    "/sell/inventory/v1": "sell_inventory_v1_oas3.json",
    "/sell/fulfillment/v1": "sell_fulfillment_v1_oas3.json",
    "/sell/account/v1": "sell_account_v1_oas3.json",
    "/commerce/notification/v1": "commerce_notification_v1_oas3.json",
    "/developer/analytics/v1_beta": "developer_analytics_v1_beta_oas3.json",
}


def folder() -> Path | None:
    """Where the specifications are, or None."""
    named = os.environ.get(VARIABLE)
    found = Path(named) / "ebay" if named else None
    return found if found and found.is_dir() else None


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

    def error_ids(self) -> set[int]:
        """Error ids the operation may answer with."""
        found: set[int] = set()
        for response in self.document["responses"].values():
            found |= {int(code) for code in (response.get("x-response-codes") or {}).get("errors", {})}
        return found

    def _problems(self, content: Any, body: Any) -> list[str]:
        if not content or body is None:
            return []
        schema = {**content["schema"], "components": self.components}
        validator = jsonschema.Draft202012Validator(schema)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


class Specifications:
    """All operations by verb and path."""

    def __init__(self, path: Path) -> None:
        self._operations: dict[tuple[str, str], Operation] = {}
        for base, name in _FILES.items():
            document = json.loads((path / name).read_text())
            components = _closed(document.get("components", {}))
            for template, entry in document["paths"].items():
                for verb, operation in entry.items():
                    if verb in {"get", "put", "post", "delete"}:
                        key = (verb.upper(), _shape(base + template))
                        self._operations[key] = Operation(operation["operationId"], operation, components)

    def find(self, verb: str, path: str) -> Operation | None:
        """The operation of a path template or of a real path."""
        parts = path.strip("/").split("/")
        for (method, shape), operation in self._operations.items():
            segments = shape.strip("/").split("/")
            if method == verb and len(segments) == len(parts) and _fits(segments, parts):
                return operation
        return None


def _shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template).rstrip("/")


def _fits(segments: list[str], parts: list[str]) -> bool:
    return all(
        segment == part or segment == "{}" or part.startswith("{")
        for segment, part in zip(segments, parts, strict=True)
    ) and all(segment == "{}" for segment, part in zip(segments, parts, strict=True) if part.startswith("{"))


def _closed(components: dict[str, Any]) -> dict[str, Any]:
    """The schemas with unknown fields forbidden, so that a misspelt field shows."""
    closed = copy.deepcopy(components)
    for schema in closed.get("schemas", {}).values():
        if schema.get("properties"):
            schema["additionalProperties"] = False
    # The specification calls item aspects a string; every page and example shows a map of lists.
    product = closed.get("schemas", {}).get("Product", {}).get("properties", {})
    product.pop("aspects", None)
    return closed
