"""Puts the gateway's configuration together: one listener for JSON, gRPC and gRPC-web, one cluster per service."""

from __future__ import annotations

from typing import Any

from build_tools.descriptors import load
from deploy.gateway import observing, tokens
from deploy.gateway.clusters import clusters
from deploy.gateway.encryption import towards_callers
from deploy.gateway.filters import http_filters
from deploy.gateway.replies import local_replies
from deploy.gateway.routes import route_table
from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

_NETWORK = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_BUFFER_BYTES = 1024 * 1024
# One expression holds all paths of a service; Envoy's own limit is meant for expressions of strangers.
_RUNTIME = {"re2.max_program_size.error_level": 20000, "re2.max_program_size.warn_level": 20000}

# A thread that hangs is counted after this long and looked for half as often; Envoy's own 0.2 s wake an idle gateway all day.
_WATCHDOG = {"miss_timeout": "4s", "megamiss_timeout": "20s"}


def render(settings: GatewaySettings) -> Config:
    """Envoy's whole configuration. Reads the descriptor set; raises RouteError when two rpcs want one path."""
    hub = load(settings.descriptor_set)
    manager = {
        "@type": _NETWORK,
        **_protocol(settings),
        **observing.tracing(settings),
        "access_log": [_access_log(settings)],
        "local_reply_config": local_replies(),
        "route_config": route_table(hub, settings),
        "http_filters": http_filters(hub, settings),
    }
    return {
        "admin": {"address": _address("127.0.0.1", settings.admin_port)},
        "static_resources": {
            "listeners": [_listener(settings, manager), *observing.listeners(settings)],
            "clusters": [*clusters(settings), tokens.jwks_cluster(settings), *observing.clusters(settings)],
        },
        "overload_manager": _connection_limit(settings),
        "watchdogs": {"main_thread_watchdog": _WATCHDOG, "worker_watchdog": _WATCHDOG},
        "layered_runtime": {"layers": [{"name": "hub", "static_layer": _RUNTIME}]},
    }


def _listener(settings: GatewaySettings, manager: Config) -> Config:
    return {
        "name": "hub",
        "address": _address(settings.bind, settings.port),
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        # Whoever connects has to speak: until the first bytes are there, no other time-out counts.
        "listener_filters": [_inspector(settings)],
        "listener_filters_timeout": f"{settings.header_seconds}s",
        "continue_on_listener_filters_timeout": False,
        "filter_chains": [
            {
                "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
                **towards_callers(settings),
            }
        ],
    }


def _inspector(settings: GatewaySettings) -> Config:
    name = "http" if settings.tls is None else "tls"
    kind = {"http": "HttpInspector", "tls": "TlsInspector"}[name]
    return {
        "name": f"envoy.filters.listener.{name}_inspector",
        "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.filters.listener.{name}_inspector.v3.{kind}"},
    }


def _protocol(settings: GatewaySettings) -> Config:
    """How HTTP is read from callers: nothing they send is believed that only a proxy may say."""
    return {
        "stat_prefix": "hub",
        "codec_type": "AUTO",
        "server_name": "usav-hub",
        "use_remote_address": True,
        "xff_num_trusted_hops": settings.trusted_proxies,
        # Nobody, not even loopback, is trusted to send x-envoy-* headers or a request id: this is no sender's address.
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "always_set_request_id_in_response": True,
        "early_header_mutation_extensions": [_dropped_headers(settings)],
        "normalize_path": True,
        "merge_slashes": True,
        # A serial number may hold an encoded slash.
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "max_request_headers_kb": settings.header_kilobytes,
        "request_headers_timeout": f"{settings.header_seconds}s",
        "stream_idle_timeout": f"{settings.stream_idle_seconds}s",
        "common_http_protocol_options": {
            "idle_timeout": f"{settings.idle_seconds}s",
            "headers_with_underscores_action": "DROP_HEADER",
            "max_headers_count": 100,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 256,
            "initial_stream_window_size": 256 * 1024,
            "initial_connection_window_size": 1024 * 1024,
        },
    }


def _dropped_headers(settings: GatewaySettings) -> Config:
    """Headers that mean something to gRPC's libraries, nothing to the hub, and break a call when they are malformed.

    And, unless a proxy of ours stands before the gateway, what would let a stranger decide that he is traced.
    """
    kind = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    names = [{"remove": "grpc-previous-rpc-attempts"}, {"remove": "grpc-retry-pushback-ms"}]
    if not settings.trusted_proxies:
        names += [{"remove": "traceparent"}, {"remove": "tracestate"}]
    binary = {"remove_on_match": {"key_matcher": {"suffix": "-bin"}}}
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {"@type": f"type.googleapis.com/{kind}", "mutations": [*names, binary]},
    }


def _access_log(settings: GatewaySettings) -> Config:
    """One JSON line for each request that failed on the hub's side or was refused."""
    return {
        "name": "envoy.access_loggers.file",
        "filter": {
            "status_code_filter": {
                "comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "access_log.status"}}
            }
        },
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(settings.access_log),
            "log_format": {
                "json_format": {
                    "time": "%START_TIME%",
                    "request_id": "%REQ(X-REQUEST-ID)%",
                    "method": "%REQ(:METHOD)%",
                    "path": "%PATH(NQ:ORIG_OR_PATH)%",
                    "status": "%RESPONSE_CODE%",
                    "grpc_status": "%GRPC_STATUS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "milliseconds": "%DURATION%",
                    "service": "%UPSTREAM_CLUSTER%",
                    "replica": "%UPSTREAM_HOST%",
                }
            },
        },
    }


def _connection_limit(settings: GatewaySettings) -> Config:
    kind = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"type.googleapis.com/{kind}",
                    "max_active_downstream_connections": settings.max_connections,
                },
            }
        ]
    }


def _address(host: str, port: int) -> Config:
    return {"socket_address": {"address": host, "port_value": port}}
