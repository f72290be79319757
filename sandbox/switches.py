"""How the marketplaces behave where their documents leave room, changeable while they run.

Defaults are the documented figures. Times that are hours in the real world are shortened by `webhook_time_scale`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sandbox.wire import Json


@dataclass(slots=True)
class EbaySwitches:
    """eBay. A limit of 0 lifts it."""

    one_sku_per_call: bool = False
    strict_sku: bool = False
    strict_publish: bool = False
    out_of_stock_control: bool = True
    send_webhooks: bool = True
    revisions_per_day: int = 250
    token_life_s: float = 7200.0
    inventory_calls_per_day: int = 2_000_000
    fulfillment_calls_per_day: int = 100_000
    account_calls_per_day: int = 25_000
    notification_calls_per_day: int = 10_000
    analytics_calls_per_day: int = 5_000
    refresh_tokens_per_day: int = 50_000
    application_tokens_per_day: int = 1_000


@dataclass(slots=True)
class EcwidSwitches:
    """Ecwid. `suspended` answers everything with 402; a limit of 0 lifts it."""

    suspended: bool = False
    send_webhooks: bool = True
    webhook_url: str = ""
    webhook_events: str = "*"
    requests_per_minute: int = 600
    block_s: float = 10.0
    batch_delay_ms: float = 30.0


@dataclass(slots=True)
class ZohoSwitches:
    """Zoho Inventory, where most of what is unpublished lies. A limit of 0 lifts it."""

    send_webhooks: bool = True
    sign_webhooks: bool = False
    webhook_url: str = ""
    webhook_modules: str = "salesorder,item"
    bare_ids: bool = True
    orders_commit_stock: bool = True
    salesorder_filters: bool = False
    approve_adjustments: bool = False
    prevent_negative_stock: bool = False
    known_reasons: str = ""
    unique_names: bool = False
    token_life_s: float = 3600.0
    tokens_per_ten_minutes: int = 10
    requests_per_minute: int = 100
    requests_per_day: int = 5_000


@dataclass(slots=True)
class AmazonSwitches:
    """Amazon. `rate_scale` multiplies every rate and burst; 0 lifts them."""

    send_notifications: bool = True
    rate_scale: float = 1.0
    strict_attributes: bool = False
    apply_delay_ms: float = 30.0
    apply_jitter_ms: float = 0.0
    feed_delay_ms: float = 200.0
    gzip_reports: bool = True
    search_lag_s: float = 120.0
    quantity_ordered_stays: bool = False
    token_life_s: float = 3600.0
    feeds_per_five_minutes: int = 5
    visibility_timeout_s: float = 30.0


@dataclass(slots=True)
class Switches:
    """Everything that can be switched. `latency_ms` is added to every marketplace answer."""

    latency_ms: float = 0.0
    webhook_time_scale: float = 1 / 3000
    ebay: EbaySwitches = field(default_factory=EbaySwitches)
    ecwid: EcwidSwitches = field(default_factory=EcwidSwitches)
    zoho: ZohoSwitches = field(default_factory=ZohoSwitches)
    amazon: AmazonSwitches = field(default_factory=AmazonSwitches)

    def as_json(self) -> Json:
        """All switches."""
        return dataclasses.asdict(self)

    def change(self, document: Any) -> None:
        """Applies a partial document, all of it or nothing. Raises ValueError naming the switch."""
        checked = list(_checked(self, document, ""))
        for target, name, value in checked:
            setattr(target, name, value)


def _checked(target: Any, document: Any, path: str) -> list[tuple[Any, str, Any]]:
    if not isinstance(document, dict):
        raise ValueError(f"{path or 'switches'}: expected an object")
    changes: list[tuple[Any, str, Any]] = []
    for name, value in document.items():
        here = f"{path}{name}"
        if name not in target.__slots__:
            raise ValueError(f"{here}: unknown switch")
        present = getattr(target, name)
        if dataclasses.is_dataclass(present):
            changes += _checked(present, value, f"{here}.")
        else:
            changes.append((target, name, _typed(here, present, value)))
    return changes


def _typed(path: str, present: Any, value: Any) -> Any:
    if isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(present):
        raise ValueError(f"{path}: expected {type(present).__name__}")
    if isinstance(value, int | float) and value < 0:
        raise ValueError(f"{path}: may not be negative")
    return value
