"""The gateway's own variables, the same for `make run` and for a gateway that runs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.settings import SettingsError, load, setting
from deploy.gateway.settings import Certificate, Identity, RateLimits


def _parse_rate(raw: str) -> int:
    rate = int(raw)
    if not 0 <= rate <= 100_000_000:
        raise ValueError("takes requests a second; 0 is no limit")
    return rate


@dataclass(frozen=True, kw_only=True)
class EdgeEnvironment:
    """What callers may do, and how they and the services are spoken to."""

    per_address: int = setting(
        "HUB_RATE_LIMIT_ADDRESS", RateLimits.per_address, "Requests a second of one address.", parse=_parse_rate
    )
    per_user: int = setting(
        "HUB_RATE_LIMIT_USER", RateLimits.per_user, "Requests a second of one user.", parse=_parse_rate
    )
    tls_cert: str = setting("HUB_TLS_CERT", "", "A certificate chain as PEM; the gateway then speaks TLS only.")
    tls_key: str = setting("HUB_TLS_KEY", "", "The certificate's key as PEM.")
    mtls_ca: str = setting("HUB_MTLS_CA", "", "The authority whose certificates the hub's processes trust.")
    mtls_cert: str = setting("HUB_MTLS_CERT", "", "The gateway's own certificate towards the services.")
    mtls_key: str = setting("HUB_MTLS_KEY", "", "That certificate's key.")
    token_issuer: str = setting("HUB_TOKEN_ISSUER", "usav-hub", "iss of access tokens.")
    token_audience: str = setting("HUB_TOKEN_AUDIENCE", "usav-hub", "aud of access tokens.")


def edge_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for GatewaySettings. Raises SettingsError, also for half a certificate or a file that is not there."""
    found = load(EdgeEnvironment, environ)
    mtls = _files(HUB_MTLS_CA=found.mtls_ca, HUB_MTLS_CERT=found.mtls_cert, HUB_MTLS_KEY=found.mtls_key)
    tls = _files(HUB_TLS_CERT=found.tls_cert, HUB_TLS_KEY=found.tls_key)
    return {
        "rate_limits": RateLimits(per_address=found.per_address, per_user=found.per_user),
        "token_issuer": found.token_issuer,
        "token_audience": found.token_audience,
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
