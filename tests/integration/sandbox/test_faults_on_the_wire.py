"""What a caller sees of each fault, and whether the call was applied."""

import asyncio

import aiohttp
import pytest

from sandbox import Sandbox
from sandbox.call_log import LogFilter
from tests.integration.sandbox.clients import INVENTORY, Client, item

_PATH = f"{INVENTORY}/inventory_item/A1"


def _applied(box: Sandbox) -> bool:
    return "A1" in box.ebay.store.sellers["USAV"].items


@pytest.mark.parametrize(
    ("kind", "more", "status", "applied"),
    [
        ("rate_limited", {}, 429, False),
        ("server_error", {}, 500, False),
        ("server_error", {"status": 503}, 503, False),
        ("server_error_after", {}, 500, True),
        ("html_page", {}, 502, False),
        ("error_in_200", {}, 200, False),
        ("token_expired", {}, 401, False),
        ("slow", {"seconds": 0.01}, 201, True),
    ],
)
async def test_fault_that_answers(
    box: Sandbox, seller: Client, kind: str, more: dict[str, object], status: int, applied: bool
) -> None:
    box.faults.set(kind, operation="ebay.put_item", **more)
    reply = await seller.put(_PATH, item())
    assert reply.status == status
    assert _applied(box) is applied


@pytest.mark.parametrize(
    ("kind", "applied"),
    [("timeout_before", False), ("timeout_after", True), ("reset_before", False), ("reset_after", True)],
)
async def test_fault_that_cuts_the_line(box: Sandbox, seller: Client, kind: str, applied: bool) -> None:
    box.faults.set(kind, operation="ebay.put_item", seconds=0.05)
    with pytest.raises(aiohttp.ClientConnectionError):
        await seller.put(_PATH, item())
    assert _applied(box) is applied
    # aiohttp itself repeats a PUT whose kept connection broke, so there may be two entries.
    assert {(entry.status, entry.fault) for entry in box.log.entries(LogFilter(operation="ebay.put_item"))} == {
        (0, kind)
    }


async def test_caller_that_gives_up_first_sees_its_own_time_out(box: Sandbox, seller: Client) -> None:
    box.faults.set("timeout_after", operation="ebay.put_item", seconds=5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(seller.put(_PATH, item()), 0.1)
    assert _applied(box)


async def test_malformed_answer_comes_after_the_call_was_applied(box: Sandbox, seller: Client) -> None:
    await seller.put(_PATH, item())
    box.faults.set("malformed_json", operation="ebay.get_item")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        await seller.get(_PATH)


async def test_html_page_is_no_json(box: Sandbox, seller: Client) -> None:
    box.faults.set("html_page", operation="ebay.put_item", status=503)
    reply = await seller.put(_PATH, item())
    assert reply.status == 503
    assert reply.headers["Content-Type"].startswith("text/html")


async def test_retry_after_is_sent_when_given(box: Sandbox, shop: Client) -> None:
    box.faults.set("rate_limited", platform="ECWID", count=1, retry_after=7)
    reply = await shop.get("/products")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    box.faults.set("rate_limited", platform="ECWID", count=1)
    assert "Retry-After" not in (await shop.get("/products")).headers


async def test_error_code_can_be_chosen(box: Sandbox, seller: Client) -> None:
    box.faults.set("server_error", operation="ebay.put_item", code=25025)
    [error] = (await seller.put(_PATH, item())).body["errors"]
    assert (error["errorId"], error["category"]) == (25025, "APPLICATION")


async def test_expired_token_is_only_that_token(box: Sandbox, seller: Client) -> None:
    box.faults.set("token_expired", operation="ebay.put_item", count=1)
    assert (await seller.put(_PATH, item())).status == 401
    assert (await seller.put(_PATH, item())).status == 401


async def test_other_accounts_are_spared(box: Sandbox, shop: Client, seller: Client) -> None:
    box.faults.set("server_error", platform="EBAY", account="DRAGON")
    assert (await seller.put(_PATH, item())).status == 201
    assert (await shop.get("/products")).status == 200


async def test_latency_is_added_to_every_answer(box: Sandbox, shop: Client) -> None:
    box.switches.latency_ms = 30
    started = asyncio.get_running_loop().time()
    await shop.get("/products")
    assert asyncio.get_running_loop().time() - started >= 0.03
