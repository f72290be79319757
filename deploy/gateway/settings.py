"""What the gateway's configuration depends on; everything else in it is a decision and stands in the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from build_tools.layout import DESCRIPTOR_SET, GENERATED

Endpoints = Mapping[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """Requests a second, twice as many in a burst; 0 is no limit."""

    per_address: int = 5000
    per_user: int = 3000


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its key, as PEM files."""

    chain: Path
    key: Path


@dataclass(frozen=True)
class Identity:
    """A certificate of the hub's own authority, for calls between its processes."""

    authority: Path
    certificate: Certificate


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """One gateway. `endpoints` are host and port of every replica, by service."""

    bind: str = "127.0.0.1"
    port: int = 8000
    admin_port: int = 9901
    endpoints: Endpoints = field(default_factory=dict)
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: int = 0
    descriptor_set: Path = DESCRIPTOR_SET
    openapi: Path = GENERATED / "openapi.json"
    docs: Path = GENERATED / "docs"
    access_log: Path = Path("/dev/stdout")
    # Longer than any single operation takes; streams are exempt.
    call_seconds: int = 30
    upload_seconds: int = 60
    header_seconds: int = 10
    stream_idle_seconds: int = 300
    # Longer than proxies and clients keep a connection that they do not use.
    idle_seconds: int = 75
    max_connections: int = 20_000
    # A little less than the services take as one message.
    body_bytes: int = 7 * 1024 * 1024
    answer_bytes: int = 32 * 1024 * 1024
    header_kilobytes: int = 24
    workers: int = 2
    token_issuer: str = "usav-hub"
    token_audience: str = "usav-hub"
    # For so long the gateway goes by the keys it has when auth cannot be asked; half of auth's lead at most.
    jwks_seconds: int = 300
    rate_limits: RateLimits = field(default_factory=lambda: RateLimits())
    tls: Certificate | None = None
    # Envoy's numbers for Prometheus; 0 is off.
    metrics_port: int = 0
    # Where traces go, and how many requests are traced; none is off.
    collector: tuple[tuple[str, int], ...] = ()
    trace_percent: float = 100.0
    # What the gateway shows to the services and expects of them.
    mtls: Identity | None = None
