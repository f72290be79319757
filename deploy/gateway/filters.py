"""The gateway's HTTP filters in their order, which matters: each sees what the ones before it have made of a request."""

from __future__ import annotations

from typing import Any

from build_tools.descriptors import Hub, ours
from deploy.gateway import rates, raw_status, tokens
from deploy.gateway.routes import BODY_LIMIT, CORS, TRANSCODER
from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

_COMPRESSED = [
    "application/javascript",
    "application/json",
    "application/problem+json",
    "application/x-ndjson",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
]


def http_filters(hub: Hub, settings: GatewaySettings) -> list[Config]:
    """Whom the gateway refuses it refuses before all conversion, so that it still knows what the caller speaks.

    The compressor stands before the transcoder: answers pass in reverse order, and gRPC itself is not compressed."""
    return [
        _filter(CORS, "cors.v3.Cors"),
        *rates.per_address(settings),
        {"name": tokens.CHECK, "typed_config": tokens.check_filter(settings)},
        _filter(tokens.REFUSAL, "rbac.v3.RBAC"),
        *rates.per_user(settings),
        _filter("envoy.filters.http.grpc_web", "grpc_web.v3.GrpcWeb"),
        _filter("envoy.filters.http.compressor", "compressor.v3.Compressor", **_compressor()),
        {**_filter(raw_status.FILTER, "lua.v3.Lua"), "disabled": True},
        _filter(BODY_LIMIT, "buffer.v3.Buffer", max_request_bytes=settings.body_bytes),
        _filter(TRANSCODER, "grpc_json_transcoder.v3.GrpcJsonTranscoder", **_transcoder(hub, settings)),
        _filter("envoy.filters.http.router", "router.v3.Router", suppress_envoy_headers=True),
    ]


def _filter(name: str, kind: str, **options: Any) -> Config:
    return {
        "name": name,
        "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.filters.http.{kind}", **options},
    }


def _compressor() -> Config:
    return {
        "response_direction_config": {
            "common_config": {
                "min_content_length": 1024,
                "content_type_matcher": [{"exact": kind} for kind in _COMPRESSED],
            },
        },
        "compressor_library": {
            "name": "gzip",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip",
                "compression_level": "BEST_SPEED",
            },
        },
    }


def _transcoder(hub: Hub, settings: GatewaySettings) -> Config:
    return {
        "proto_descriptor": str(settings.descriptor_set.resolve()),
        "services": sorted(name for name in hub.services if ours(name)),
        "print_options": {
            "preserve_proto_field_names": True,
            "always_print_primitive_fields": True,
            # One message per line: a reader of a stream need not wait for the end of an array.
            "stream_newline_delimited": True,
        },
        # Routes stand under the public paths, so that their time-outs apply.
        "match_incoming_request_route": True,
        "convert_grpc_status": True,
        "case_insensitive_enum_parsing": True,
        "query_param_unescape_plus": True,
        "request_validation_options": {
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        "max_response_body_size": settings.answer_bytes,
    }
