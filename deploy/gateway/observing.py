"""How the gateway is watched: its own numbers for Prometheus, and the traces that begin with it."""

from __future__ import annotations

from typing import Any

from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

COLLECTOR = "traces"
_ADMIN = "numbers"
_NETWORK = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def tracing(settings: GatewaySettings) -> Config:
    """Part of the connection manager: one span per request, whose context every service behind it goes on with."""
    if not settings.collector:
        return {}
    kind = "envoy.config.trace.v3.OpenTelemetryConfig"
    provider = {
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": f"type.googleapis.com/{kind}",
            "grpc_service": {"envoy_grpc": {"cluster_name": COLLECTOR}, "timeout": "1s"},
            "service_name": "hub-gateway",
        },
    }
    return {
        "tracing": {
            "provider": provider,
            "random_sampling": {"value": settings.trace_percent},
            # The path may hold a serial number, not a secret; those are never in it.
            "max_path_tag_length": 200,
            "custom_tags": [{"tag": "hub.request_id", "request_header": {"name": "x-request-id"}}],
        }
    }


def listeners(settings: GatewaySettings) -> list[Config]:
    """A listener of its own that answers /metrics and nothing else of what Envoy's administration can do."""
    if not settings.metrics_port:
        return []
    route = {
        "match": {"path": "/metrics"},
        "route": {"cluster": _ADMIN, "prefix_rewrite": "/stats/prometheus?usedonly"},
    }
    manager = {
        "@type": _NETWORK,
        "stat_prefix": "metrics",
        "route_config": {"virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    return [
        {
            "name": "metrics",
            "address": _address(settings.bind, settings.metrics_port),
            "filter_chains": [
                {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
            ],
        }
    ]


def clusters(settings: GatewaySettings) -> list[Config]:
    """Where the numbers come from, and where the traces go."""
    found = []
    if settings.metrics_port:
        found.append(_cluster(_ADMIN, "127.0.0.1", settings.admin_port))
    for host, port in settings.collector[:1]:
        http2 = {"@type": f"type.googleapis.com/{_HTTP}", "explicit_http_config": {"http2_protocol_options": {}}}
        found.append({**_cluster(COLLECTOR, host, port), "typed_extension_protocol_options": {_HTTP: http2}})
    return found


def _cluster(name: str, host: str, port: int) -> Config:
    endpoint = {"endpoint": {"address": _address(host, port)}}
    return {
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(host: str, port: int) -> Config:
    return {"socket_address": {"address": host, "port_value": port}}
