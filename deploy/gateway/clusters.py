"""The services as the gateway sees them: replicas, health checks, and limits that keep a sick one from spreading."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from deploy.gateway.encryption import towards_service
from deploy.gateway.settings import GatewaySettings

Config = dict[str, Any]

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def clusters(settings: GatewaySettings) -> list[Config]:
    """One cluster per service, called as the service."""
    return [{**_cluster(name, hosts), **towards_service(name, settings)} for name, hosts in settings.endpoints.items()]


def _cluster(name: str, hosts: tuple[tuple[str, int], ...]) -> Config:
    return {
        "name": name,
        "type": "STATIC" if all(_is_address(host) for host, _ in hosts) else "STRICT_DNS",
        "connect_timeout": "1s",
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_endpoint(host, port) for host, port in hosts]}],
        },
        "typed_extension_protocol_options": {_HTTP: _http2()},
        "health_checks": [_health_check()],
        "outlier_detection": _outlier_detection(),
        # With no healthy replica left the gateway tries them all: a slow health check alone must not shut a service off.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}},
        "circuit_breakers": {"thresholds": [_limits()]},
    }


def _endpoint(host: str, port: int) -> Config:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _http2() -> Config:
    return {
        "@type": f"type.googleapis.com/{_HTTP}",
        "explicit_http_config": {
            "http2_protocol_options": {
                # Finds a peer that went away without a word; the services allow pings from 10 seconds on.
                "connection_keepalive": {"interval": "15s", "timeout": "5s"},
                "initial_stream_window_size": 1024 * 1024,
                "initial_connection_window_size": 8 * 1024 * 1024,
            }
        },
    }


def _health_check() -> Config:
    """Seldom while all is well: a replica that ends waits until this has noticed (chassis.health_checks), and one that is gone is
    found by the calls that do not reach it.
    """
    return {
        "grpc_health_check": {},
        "timeout": "2s",
        "interval": "3s",
        "unhealthy_interval": "0.5s",
        "no_traffic_interval": "0.5s",
        "no_traffic_healthy_interval": "3s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }


def _outlier_detection() -> Config:
    """Only failures to reach a replica count: an answer of UNAVAILABLE because the database restarts ejects nobody."""
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 2,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_failure_percentage": 0,
        "interval": "0.5s",
        "base_ejection_time": "2s",
        "max_ejection_time": "10s",
        "max_ejection_percent": 50,
    }


def _limits() -> Config:
    return {
        "max_connections": 1024,
        "max_pending_requests": 4096,
        "max_requests": 8192,
        "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 20},
    }
