"""Sales orders of Zoho: found whether or not its list heeds time and order, and read with nothing about the customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sync_svc.channels.base import OrderPage
from sync_svc.channels.windows import Window, open_cursor
from sync_svc.channels.zoho import orders
from sync_svc.channels.zoho.adapter import ZohoChannel
from tests.unit.channels.doubles import Call, Platform, reply, zoho_account

API = "/inventory/v1"
LIST = f"{API}/salesorders"
OK = {"code": 0, "message": "success"}
NOW = datetime.now(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


def listed(number: int, *, created: timedelta, modified: timedelta | None = None, **more: Any) -> dict[str, Any]:
    """An order of a list, so long ago."""
    return {
        "salesorder_id": number,
        "status": "confirmed",
        "created_time": written(NOW - created),
        "last_modified_time": written(NOW - (modified if modified is not None else created)),
        **more,
    }


def whole(summary: dict[str, Any], **line: Any) -> dict[str, Any]:
    fields = {"line_item_id": 5, "item_id": 8, "sku": "00845BK", "quantity": 2, "rate": 49.99, "name": "Bose", **line}
    return {**summary, "currency_code": "USD", "line_items": [fields], "customer_name": "Jane Doe"}


class Books:
    """An organization's orders behind the list call."""

    def __init__(self, *found: dict[str, Any], per_page: int = 200) -> None:
        self.orders = {str(order["salesorder_id"]): order for order in found}
        self.platform = Platform()
        self.platform.on("POST", "/token", (200, {"access_token": "t", "expires_in": 3600}))
        self.platform.on("GET", LIST, self._list)
        for key, order in self.orders.items():
            self.platform.on("GET", f"{LIST}/{key}", (200, {**OK, "salesorder": whole(order)}))
        self.per_page = per_page
        self.channel = ZohoChannel(zoho_account(requests_per_minute=0), transport=self.platform.transport)

    def _list(self, call: Call) -> Any:
        begin = (int(call.query["page"]) - 1) * self.per_page
        found = list(self.orders.values())
        more = begin + self.per_page < len(found)
        page = {"salesorders": found[begin : begin + self.per_page], "page_context": {"has_more_page": more}}
        return reply(200, {**OK, **page})

    async def look(self, cursor: str) -> tuple[list[str], str]:
        """Everything from a cursor on."""
        found: list[str] = []
        more = True
        while more:
            page: OrderPage = await self.channel.orders_since(cursor)
            found += [order.external_order_id for order in page.orders]
            cursor, more = page.cursor, page.more
        return found, cursor

    @property
    def pages(self) -> list[str]:
        return [call.query["page"] for call in self.platform.seen("GET", LIST)]


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE_AN_HOUR = (NOW - HOUR).isoformat()


async def test_old_order_that_changed_is_found_in_a_list_by_creation() -> None:
    books = Books(
        listed(4, created=HOUR * 2),
        listed(3, created=DAY),
        listed(2, created=DAY * 5, modified=timedelta(minutes=1)),
        listed(1, created=DAY * 60),
        per_page=200,
    )
    found, cursor = await books.look(SINCE_AN_HOUR)
    assert found == ["2"]
    assert datetime.fromisoformat(cursor) >= NOW


async def test_list_is_read_no_further_back_than_orders_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "PAGE_SIZE", 2)
    old = [listed(number, created=DAY * 10 * (9 - number)) for number in range(8, 0, -1)]
    books = Books(*old, per_page=2)
    await books.look(SINCE_AN_HOUR)
    assert books.pages == ["1", "2", "3"]


async def test_list_by_time_of_change_ends_at_the_last_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "PAGE_SIZE", 2)
    books = Books(
        listed(1, created=DAY * 9, modified=timedelta(minutes=2)),
        listed(4, created=HOUR / 2),
        listed(2, created=DAY * 8, modified=HOUR * 3),
        listed(3, created=DAY, modified=HOUR * 4),
        listed(5, created=DAY * 2, modified=HOUR * 5),
        per_page=2,
    )
    found, _ = await books.look(SINCE_AN_HOUR)
    assert (found, books.pages) == (["1", "4"], ["1", "2"])


async def test_many_changed_orders_come_in_parts_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "MOST_CHANGED", 3)
    books = Books(*(listed(number, created=timedelta(minutes=number)) for number in range(1, 12)))
    found, _ = await books.look(SINCE_AN_HOUR)
    assert found == [str(number) for number in range(1, 12)]
    assert books.pages == ["1"] * 4


async def test_unchanged_order_of_the_overlap_is_not_read_again() -> None:
    books = Books(listed(1, created=timedelta(minutes=1)))
    await books.look(SINCE_AN_HOUR)
    assert (await books.look(SINCE_AN_HOUR))[0] == ["1"]
    assert len(books.platform.seen("GET", f"{LIST}/1")) == 1


async def test_second_change_within_one_second_is_read() -> None:
    books = Books(listed(1, created=timedelta(minutes=1)))
    await books.look(SINCE_AN_HOUR)
    books.orders["1"]["status"] = "void"
    books.platform.on("GET", f"{LIST}/1", (200, {**OK, "salesorder": whole(books.orders["1"])}))
    page = await books.channel.orders_since(SINCE_AN_HOUR)
    assert [order.cancelled for order in page.orders] == [True]


async def test_copies_of_orders_the_hub_takes_itself_are_left_out() -> None:
    books = Books(
        listed(1, created=timedelta(minutes=1), sales_channel="eBay_us"),
        listed(2, created=timedelta(minutes=2), sales_channel="direct_sales"),
    )
    assert (await books.look(SINCE_AN_HOUR))[0] == ["2"]


async def test_order_gone_since_the_list_is_left_out() -> None:
    books = Books(listed(1, created=timedelta(minutes=1)))
    books.platform.on("GET", f"{LIST}/1", (404, {"code": 1002, "message": "Sales order does not exist."}))
    assert (await books.look(SINCE_AN_HOUR))[0] == []
    assert await books.channel.get_order("no/id") is None


async def test_skus_a_line_does_not_tell_are_read_with_its_item() -> None:
    books = Books(listed(1, created=timedelta(minutes=1)))
    bare = whole(books.orders["1"], sku="")
    books.platform.on("GET", f"{LIST}/1", (200, {**OK, "salesorder": bare}))
    books.platform.on("GET", f"{API}/items/8", (200, {**OK, "item": {"item_id": 8, "sku": "FROM-ITEM"}}))
    for _ in range(2):
        order = await books.channel.get_order("1")
        assert order is not None
        assert order.lines[0].platform_sku == "FROM-ITEM"
    assert len(books.platform.seen("GET", f"{API}/items/8")) == 1


@pytest.mark.parametrize(
    ("status", "paid", "cancelled"),
    [
        ("draft", False, False),
        ("pending_approval", False, False),
        ("confirmed", True, False),
        ("open", True, False),
        ("partially_shipped", True, False),
        ("fulfilled", True, False),
        ("void", False, True),
        ("", False, False),
    ],
)
def test_statuses(status: str, paid: bool, cancelled: bool) -> None:
    order = orders.order_of(whole(listed(1, created=HOUR)) | {"status": status}, {})
    assert order is not None
    assert (order.paid, order.cancelled, order.platform_status) == (paid, cancelled, status)


def test_order_tells_lines_and_times_and_nobody() -> None:
    order = orders.order_of(whole(listed(1, created=HOUR, modified=HOUR / 2)), {})
    assert order is not None
    assert "Jane" not in repr(order)
    (line,) = order.lines
    assert (line.line_id, line.platform_sku, line.quantity, line.unit_price) == ("5", "00845BK", 2, Decimal("49.99"))
    assert (order.placed_at, order.modified_at) == (NOW - HOUR, NOW - HOUR / 2)


@pytest.mark.parametrize("text", ["2026-01-02 03:04:05+00:00", "2026-01-02T03:04:05Z", "2026-01-01T22:04:05-0500"])
def test_times_come_in_several_spellings(text: str) -> None:
    assert orders.modified({"last_modified_time": text}) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_time_filter_is_asked_for_all_the_same() -> None:
    asked = orders.list_parameters(Window(datetime(2026, 1, 2, 3, tzinfo=UTC), NOW, offset=400))
    assert (asked["page"], asked["last_modified_time"]) == ("3", "2026-01-02T03:00:00+0000")
    assert open_cursor("", NOW).offset == 0
