"""Buyers on the marketplace sandbox of the hub of this folder: they take what is offered, as long as they are told to."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import Any

import click
import httpx2

from deploy.local.state import StateFolder
from hubctl.context import Tool, command
from hubctl.demo.failure import DemoFailed
from hubctl.session import state_dir
from hubctl.transfer import INTERRUPTED

_PLATFORMS = ("ZOHO", "AMAZON", "EBAY", "ECWID")


@dataclass(frozen=True)
class Street:
    """The sandbox's shelves, and what passes by."""

    url: str
    query: dict[str, str]
    chance: random.Random

    def pick(self, most: int) -> dict[str, Any] | None:
        """Something that is offered, and how much of it; None when nothing is."""
        answer = self._call("GET", "listings", params={**self.query, "limit": "5000"})
        offered = [one for one in answer.json()["items"] if one["quantity"] > 0]
        if not offered:
            return None
        chosen = self.chance.choice(offered)
        wanted = {name: chosen[name] for name in ("platform", "account", "sku")}
        return {**wanted, "quantity": self.chance.randint(1, min(most, chosen["quantity"]))}

    def buy(self, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """The order; None when somebody was quicker."""
        answer = self._call("POST", "buy", json=wanted)
        if answer.status_code in (httpx2.codes.CONFLICT, httpx2.codes.NOT_FOUND):
            return None
        answer.raise_for_status()
        return dict(answer.json())

    def _call(self, method: str, name: str, **options: Any) -> httpx2.Response:
        try:
            return httpx2.request(method, f"{self.url}/_control/{name}", timeout=10, trust_env=False, **options)
        except httpx2.TransportError as error:
            raise DemoFailed(f"the sandbox at {self.url} does not answer ({error})") from None


@click.command()
@click.option("--platform", type=click.Choice(_PLATFORMS, case_sensitive=False), help="Only on this marketplace.")
@click.option("--account", default="", help="Only at this account, e.g. MEKONG.")
@click.option("--sku", default="", help="Only this SKU of the channel; a part of it or of the title does.")
@click.option("--orders", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many are bought.")
@click.option("--every", type=click.FloatRange(0, 3600), default=1.0, show_default=True, help="Seconds between two.")
@click.option("--most", type=click.IntRange(1, 1000), default=1, show_default=True, help="Units in an order, at most.")
@click.option("--unpaid", is_flag=True, help="They order and do not pay yet.")
@click.option("--seed", type=int, help="Makes the same choices again, as long as the shelves are the same.")
@click.option(
    "--sandbox", default="", help="The sandbox's address; else HUB_SANDBOX_URL, else that of this folder's hub."
)
@command
def buyers(tool: Tool, platform: str | None, account: str, sku: str, **options: Any) -> None:
    """Lets buyers buy on the marketplace sandbox. Its own page shows the shelves: open the sandbox's address in a browser."""
    query = {"platform": (platform or "").upper(), "account": account.upper(), "q": sku}
    street = Street(
        _sandbox_url(options["sandbox"]),
        {name: value for name, value in query.items() if value},
        random.Random(options["seed"]),
    )
    try:
        _shop(tool, street, options)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _shop(tool: Tool, street: Street, options: dict[str, Any]) -> None:
    for number in range(options["orders"]):
        if number:
            time.sleep(options["every"])
        wanted = street.pick(options["most"])
        if wanted is None:
            raise DemoFailed("nothing of that is offered; see `hubctl listings list` and the sandbox's page")
        order = street.buy({**wanted, "paid": not options["unpaid"]})
        if order is None:
            tool.output.say(f"{wanted['sku']} was gone a moment before.")
        else:
            _show(tool, order)


def _show(tool: Tool, order: dict[str, Any]) -> None:
    if tool.output.as_json:
        tool.output.json_line(order)
        return
    bought = ", ".join(f"{line['quantity']} x {line['sku']}" for line in order["lines"])
    tool.output.say(f"{order['platform']} {order['account']} {order['order_id']}: {bought} ({order['payment_status']})")


def _sandbox_url(given: str) -> str:
    url = given or os.environ.get("HUB_SANDBOX_URL", "")
    if not url:
        summary = StateFolder(state_dir()).read_summary()
        url = summary.sandbox_url if summary is not None else ""
    if not url:
        raise DemoFailed("no sandbox is known here: start the hub with `make run`, or give --sandbox")
    return url.rstrip("/")


COMMANDS = [buyers]
