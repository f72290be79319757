"""Types whose JSON form is not that of a message, as the protobuf JSON mapping lays down: their schema and an example."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

HTTP_BODY = "google.api.HttpBody"
EMPTY = "google.protobuf.Empty"

SCHEMAS: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]},
    "google.protobuf.StringValue": {"type": ["string", "null"]},
    "google.protobuf.BytesValue": {"type": ["string", "null"], "contentEncoding": "base64"},
    "google.protobuf.BoolValue": {"type": ["boolean", "null"]},
    "google.protobuf.Int32Value": {"type": ["integer", "null"], "format": "int32"},
    "google.protobuf.UInt32Value": {"type": ["integer", "null"], "format": "uint32", "minimum": 0},
    "google.protobuf.Int64Value": {"type": ["string", "null"], "format": "int64"},
    "google.protobuf.UInt64Value": {"type": ["string", "null"], "format": "uint64"},
    "google.protobuf.DoubleValue": {"type": ["number", "null"], "format": "double"},
    "google.protobuf.FloatValue": {"type": ["number", "null"], "format": "float"},
    EMPTY: {"type": "object", "description": "Nothing: {}.", "additionalProperties": False},
    HTTP_BODY: {"type": "string", "contentMediaType": "application/octet-stream"},
}

EXAMPLES: dict[str, Any] = {
    "google.protobuf.Timestamp": "2026-03-14T09:26:53.589Z",
    "google.protobuf.Duration": "900s",
    "google.protobuf.FieldMask": "name,description",
    "google.protobuf.Struct": {"shelf": "window"},
    "google.protobuf.Value": "window",
    "google.protobuf.ListValue": ["window"],
    "google.protobuf.Any": {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}},
    "google.protobuf.StringValue": "text",
    "google.protobuf.BytesValue": "dGV4dA==",
    "google.protobuf.BoolValue": True,
    "google.protobuf.Int32Value": 1,
    "google.protobuf.UInt32Value": 1,
    "google.protobuf.Int64Value": "1",
    "google.protobuf.UInt64Value": "1",
    "google.protobuf.DoubleValue": 1.5,
    "google.protobuf.FloatValue": 1.5,
    "google.type.Money": {"currency_code": "USD", "units": "129", "nanos": 950000000},
    EMPTY: {},
    HTTP_BODY: "",
}

# Messages that a query string cannot hold in one parameter are spread over several; these are one parameter each.
SCALAR_MESSAGES = frozenset(
    name for name, schema in SCHEMAS.items() if schema.get("type") not in ("object", "array", None)
)
