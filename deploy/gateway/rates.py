"""How often one address and one user may call. Each has a bucket of its own that fills steadily and holds two seconds' worth.

The address is counted before anything is done for the caller; the user after his token has been checked.
"""

from __future__ import annotations

from typing import Any

from deploy.gateway.settings import GatewaySettings
from deploy.gateway.tokens import CHECK, CLAIMS

Config = dict[str, Any]

RETRY_SECONDS = 1
# Buckets at once; the one that was not used for longest gives way, and starts full when it comes back.
_BUCKETS = 10_000
_NAME = "envoy.filters.http.local_ratelimit"
# What all callers together may do is limited by the services, not here.
_ALL = 1_000_000_000


def per_address(settings: GatewaySettings) -> list[Config]:
    """An IPv6 network of 64 bits counts as one address: whoever has one has all of it."""
    action = {"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}}
    return _limit("address", settings.rate_limits.per_address, action, "masked_remote_address")


def per_user(settings: GatewaySettings) -> list[Config]:
    """Users and service accounts alike; a call without a checked token has no user and is not counted here."""
    key = {"key": CHECK, "path": [{"key": CLAIMS}, {"key": "sub"}]}
    action = {"metadata": {"descriptor_key": "user", "metadata_key": key, "source": "DYNAMIC", "skip_if_absent": True}}
    return _limit("user", settings.rate_limits.per_user, action, "user")


def _limit(what: str, rate: int, action: Config, key: str) -> list[Config]:
    if not rate:
        return []
    return [
        {
            "name": f"{_NAME}.{what}",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": f"rate_per_{what}",
                "token_bucket": _bucket(_ALL),
                "filter_enabled": _ALWAYS,
                "filter_enforced": _ALWAYS,
                "rate_limits": [{"actions": [action]}],
                # An entry without a value makes a bucket for each value that comes.
                "descriptors": [{"entries": [{"key": key}], "token_bucket": _bucket(rate)}],
                "max_dynamic_descriptors": _BUCKETS,
                "rate_limited_as_resource_exhausted": True,
                "response_headers_to_add": [
                    {
                        "header": {"key": "retry-after", "value": str(RETRY_SECONDS)},
                        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    }
                ],
            },
        }
    ]


def _bucket(rate: int) -> Config:
    return {"max_tokens": rate * 2, "tokens_per_fill": rate, "fill_interval": "1s"}


_ALWAYS: Config = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
