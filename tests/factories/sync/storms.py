"""Random storms over a shop: sales, stock and dying processes, with every fault that a marketplace can have.

A seed is a storm: the same acts in the same order, at the same pace."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from sync_svc.channels import http, tokens
from sync_svc.channels.amazon import orders as amazon_orders
from sync_svc.channels.ebay import revisions
from sync_svc.channels.zoho import client as zoho_client
from sync_svc.channels.zoho import errors as zoho_errors
from sync_svc.domain import backoff
from sync_svc.workers import errands, orders, silence
from tests.factories.sync.sandboxed import ACCOUNTS
from tests.factories.sync.shop import Shop

READ_S = 0.4
CALL_FAULTS: list[dict[str, Any]] = [
    {"kind": "rate_limited"},
    {"kind": "rate_limited", "retry_after": 1},
    {"kind": "server_error"},
    {"kind": "server_error", "status": 503},
    {"kind": "server_error_after"},
    {"kind": "timeout_before", "seconds": READ_S + 0.2},
    {"kind": "timeout_after", "seconds": READ_S + 0.2},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "malformed_json"},
    {"kind": "html_page"},
    {"kind": "error_in_200"},
    {"kind": "token_expired"},
    {"kind": "slow", "seconds": 0.1},
]
WEEK_S = 7 * 86_400.0
WEBHOOK_FAULTS: list[dict[str, Any]] = [
    {"kind": "late", "seconds": 0.2, "age_s": WEEK_S},
    {"kind": "doubled", "times": 3},
    {"kind": "dropped"},
    {"kind": "forged"},
    {"kind": "reordered", "seconds": 0.3},
]
# Hours of waiting are shortened, not what is done after them.
_SHORT: list[tuple[object, str, Any]] = [
    (http, "_TIMEOUT", httpx2.Timeout(connect=2.0, read=READ_S, write=2.0, pool=5.0)),
    (http, "DEFAULT_RETRY_AFTER_S", 0.2),
    (tokens, "REFUSAL_S", 0.2),
    (zoho_errors, "MINUTE_S", 0.3),
    # More tokens end in these storms than Zoho gives in ten minutes.
    (zoho_client, "TOKENS_PER_TEN_MINUTES", 10_000),
    (amazon_orders, "_LAG", timedelta(0)),
    (revisions, "_BUSY_DELAYS_S", (0.01, 0.01, 0.01)),
    (silence, "AUTH_FIRST_S", 0.1),
    (silence, "AUTH_CAP_S", 0.4),
    (errands, "_LAST_MOMENT_S", 0.0),
    (orders, "TIME_LIMIT_S", 5.0),
]
ENGINE = {"lease_s": 6.0, "push_timeout_s": 5.0, "order_lease_s": 6.0}
STEPS = 30


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Make waits short enough for many storms."""
    for module, name, value in _SHORT:
        patch.setattr(module, name, value)
    patch.setattr(backoff.backoff_s, "__kwdefaults__", {"first_s": 0.02, "cap_s": 0.3, "spread": random.random})


class Storm:
    """One storm."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self._shop = shop
        self._chance = random.Random(seed)
        self._orders: list[str] = []
        self._skew_s = 0.0

    async def rage(self) -> None:
        """Everything that happens, in an order and at a pace that the seed tells."""
        acts: dict[Callable[[], Awaitable[None]], int] = {
            self._buy: 8,
            self._cancel: 2,
            self._pay: 1,
            self._edit: 2,
            self._sell_at_the_counter: 4,
            self._restock: 1,
            self._spoil_calls: 6,
            self._spoil_webhooks: 3,
            self._kill_a_process: 1,
            self._skew_clocks: 1,
        }
        for _ in range(STEPS):
            (act,) = self._chance.choices(list(acts), list(acts.values()))
            await act()
            await asyncio.sleep(self._chance.uniform(0, 0.04))

    async def pass_over(self) -> None:
        """Nothing goes wrong any more; lost webhooks are made up for by a look for orders."""
        shop = self._shop
        shop.sandbox.faults.clear()
        await shop.box.post("clock", advance_s=-self._skew_s)
        await shop.sandbox.courier.idle()
        # A change a clock that was ahead has dated is seen when its time has come.
        await asyncio.sleep(max(0.0, self._skew_s))
        await shop.look_for_orders()

    async def _buy(self) -> None:
        """One or two SKUs, unpaid at times; some are cancelled before the hub can have heard of them."""
        platform, account = self._chance.choice(ACCOUNTS)
        skus = self._chance.sample(sorted(self._shop.skus), self._chance.choice([1, 1, 2]))
        body: dict[str, Any] = {
            "platform": platform,
            "account": account,
            "lines": [{"sku": sku, "quantity": self._chance.choice([1, 1, 1, 2])} for sku in skus],
            "paid": platform == "ZOHO" or self._chance.random() < 0.8,
            "cancel": self._chance.random() < 0.1,
        }
        answer = await self._shop.box.client.post("/_control/buy", json=body)
        if answer.status_code == 201:
            self._orders.append(answer.json()["order_id"])
        else:
            assert answer.status_code in (404, 409), answer.text

    async def _cancel(self) -> None:
        if self._orders:
            await self._shop.box.client.post(f"/_control/orders/{self._chance.choice(self._orders)}/cancel", json={})

    async def _pay(self) -> None:
        if self._orders:
            await self._shop.box.client.post(f"/_control/orders/{self._chance.choice(self._orders)}/pay", json={})

    async def _edit(self) -> None:
        """Other quantities, and one SKU less or more; what the platform does not allow stays as it is."""
        if self._orders:
            skus = self._chance.sample(sorted(self._shop.skus), self._chance.choice([1, 1, 2]))
            lines = [{"sku": sku, "quantity": self._chance.choice([1, 2, 3])} for sku in skus]
            status = await self._shop.edit(self._chance.choice(self._orders), lines)
            assert status in (200, 404, 409), status

    async def _sell_at_the_counter(self) -> None:
        variant_id = self._chance.choice(sorted(self._shop.hub.free))
        if self._shop.hub.free[variant_id] > 0:
            self._shop.hub.sell(variant_id)

    async def _restock(self) -> None:
        hub = self._shop.hub
        variant_id = self._chance.choice(sorted(hub.free))
        hub.set_free(variant_id, hub.free[variant_id] + self._chance.randint(1, 5))

    async def _spoil_calls(self) -> None:
        platform, _ = self._chance.choice(ACCOUNTS)
        fault = dict(self._chance.choice(CALL_FAULTS))
        fault |= {"count": self._chance.choice([1, 1, 2, 3]), "skip": self._chance.choice([0, 0, 1, 2])}
        self._shop.sandbox.faults.set(**fault, platform=platform)

    async def _spoil_webhooks(self) -> None:
        platform, _ = self._chance.choice(ACCOUNTS)
        fault = dict(self._chance.choice(WEBHOOK_FAULTS))
        self._shop.sandbox.faults.set(**fault, count=self._chance.choice([1, 2]), platform=platform)

    async def _kill_a_process(self) -> None:
        one = self._chance.choice(self._shop.replicas)
        await one.stop()
        one.start()

    async def _skew_clocks(self) -> None:
        advance_s = self._chance.uniform(-0.5, 0.5)
        self._skew_s += advance_s
        await self._shop.box.post("clock", advance_s=advance_s)
