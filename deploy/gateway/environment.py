"""The gateway's own variables, the same for `make run` and for a gateway that runs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.setting_values import (
    parse_file,
    parse_host,
    parse_hosts,
    parse_one_target,
    parse_origins,
    parse_path,
    parse_percent,
    parse_port,
    parse_word,
    whole,
)
from chassis.settings import SettingsError, load, setting
from deploy.gateway.settings import Certificate, GatewaySettings, Identity, RateLimits

Hosts = tuple[tuple[str, int], ...]
_RATE = whole(0, 100_000_000)


def _parse_collector(raw: str) -> Hosts:
    return parse_hosts(parse_one_target(raw))


@dataclass(frozen=True, kw_only=True)
class EdgeEnvironment:
    """What callers may do, and how they and the services are spoken to."""

    per_address: int = setting(
        "HUB_RATE_LIMIT_ADDRESS",
        RateLimits.per_address,
        "Requests a second of one address; 0 is no limit.",
        parse=_RATE,
    )
    per_user: int = setting(
        "HUB_RATE_LIMIT_USER", RateLimits.per_user, "Requests a second of one user; 0 is no limit.", parse=_RATE
    )
    max_connections: int = setting(
        "HUB_MAX_CONNECTIONS",
        GatewaySettings.max_connections,
        "Connections of callers at once; more are closed at once.",
        parse=whole(100, 1_000_000),
    )
    tls_cert: str = setting(
        "HUB_TLS_CERT", "", "A certificate chain as PEM; the gateway then speaks TLS only.", parse=parse_file
    )
    tls_key: str = setting("HUB_TLS_KEY", "", "The certificate's key as PEM.", parse=parse_file)
    mtls_ca: str = setting(
        "HUB_MTLS_CA", "", "The authority whose certificates the hub's processes trust.", parse=parse_file
    )
    mtls_cert: str = setting(
        "HUB_MTLS_CERT", "", "The gateway's own certificate towards the services.", parse=parse_file
    )
    mtls_key: str = setting("HUB_MTLS_KEY", "", "That certificate's key.", parse=parse_file)
    token_issuer: str = setting("HUB_TOKEN_ISSUER", "usav-hub", "iss of access tokens.", parse=parse_word)
    token_audience: str = setting("HUB_TOKEN_AUDIENCE", "usav-hub", "aud of access tokens.", parse=parse_word)
    metrics_port: int = setting(
        "HUB_GATEWAY_METRICS_PORT", 0, "Envoy's own numbers for Prometheus, at /metrics; 0 is off.", parse=parse_port
    )
    otlp_endpoint: Hosts = setting(
        "HUB_OTLP_ENDPOINT",
        (),
        "host:port of an OTLP collector (gRPC) for traces; empty is off.",
        parse=_parse_collector,
    )
    trace_percent: float = setting(
        "HUB_TRACE_PERCENT", 100.0, "How many of the requests are traced.", parse=parse_percent
    )


@dataclass(frozen=True, kw_only=True)
class GatewayEnvironment:
    """Where a gateway listens that runs elsewhere, and where the services are: the same variables that they read."""

    bind: str = setting("HUB_BIND", "127.0.0.1", "The address to listen on.", parse=parse_host)
    port: int = setting("HUB_GATEWAY_PORT", 8000, "The port of everything public.", parse=parse_port)
    admin_port: int = setting("HUB_ENVOY_ADMIN_PORT", 9901, "Envoy's own statistics; on loopback.", parse=parse_port)
    auth: Hosts = setting("HUB_AUTH_ADDRESS", (("127.0.0.1", 50051),), "Replicas of auth.", parse=parse_hosts)
    catalog: Hosts = setting("HUB_CATALOG_ADDRESS", (("127.0.0.1", 50052),), "Of catalog.", parse=parse_hosts)
    inventory: Hosts = setting("HUB_INVENTORY_ADDRESS", (("127.0.0.1", 50053),), "Of inventory.", parse=parse_hosts)
    sync: Hosts = setting("HUB_SYNC_ADDRESS", (("127.0.0.1", 50054),), "Of sync.", parse=parse_hosts)
    cors_origins: tuple[str, ...] = setting(
        "HUB_CORS_ORIGINS", (), "Origins of web pages that may call; * for all.", parse=parse_origins
    )
    trusted_proxies: int = setting(
        "HUB_TRUSTED_PROXIES", 0, "How many proxies stand before the gateway.", parse=whole(0, 20)
    )
    access_log: Path = setting(
        "HUB_ACCESS_LOG", Path("/dev/stdout"), "Where refused requests are logged.", parse=parse_path
    )


def edge_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for GatewaySettings. Raises SettingsError, also for half a certificate or a file that is not there."""
    found = load(EdgeEnvironment, environ)
    mtls = _files(HUB_MTLS_CA=found.mtls_ca, HUB_MTLS_CERT=found.mtls_cert, HUB_MTLS_KEY=found.mtls_key)
    tls = _files(HUB_TLS_CERT=found.tls_cert, HUB_TLS_KEY=found.tls_key)
    return {
        "rate_limits": RateLimits(per_address=found.per_address, per_user=found.per_user),
        "max_connections": found.max_connections,
        "token_issuer": found.token_issuer,
        "token_audience": found.token_audience,
        "metrics_port": found.metrics_port,
        "collector": found.otlp_endpoint,
        "trace_percent": found.trace_percent,
        "tls": Certificate(*tls) if tls else None,
        "mtls": Identity(mtls[0], Certificate(*mtls[1:])) if mtls else None,
    }


def _files(**variables: str) -> tuple[Path, ...]:
    """All of the files, or none of them."""
    if not any(variables.values()):
        return ()
    for variable, path in variables.items():
        if not path:
            raise SettingsError(f"{variable} is not set; it takes all of {', '.join(variables)}")
        if not Path(path).is_file():
            raise SettingsError(f"{variable}: there is no file {path}")
    return tuple(Path(path) for path in variables.values())
