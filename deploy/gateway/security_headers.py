"""Headers that tell browsers what answers of the hub may be used for. The documentation pages have a policy of their own."""

from __future__ import annotations

from deploy.gateway.settings import GatewaySettings

_YEAR_SECONDS = 365 * 24 * 3600


def of(settings: GatewaySettings) -> dict[str, str]:
    """Added to every answer that does not say otherwise itself."""
    headers = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    if settings.tls is not None:
        headers["strict-transport-security"] = f"max-age={_YEAR_SECONDS}"
    return headers
