"""Every command on catalogue, stock and channels against the running hub."""

from __future__ import annotations

import csv
import io
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.catalog.importing import sample_under
from tests.e2e.hubctl.conftest import HubctlUser

FEED_SECONDS = 20.0


def test_an_import_tells_the_count_and_the_reported_rows(user: HubctlUser, brand: str, tmp_path: Path) -> None:
    file = tmp_path / "catalog.csv"
    file.write_bytes(sample_under(brand))
    ran = user.ok("import", file)
    assert "SKU_MISSING" in ran.out
    assert [line.split() for line in ran.out.splitlines() if line.startswith("unchanged")] == [
        ["unchanged", "rows", "41"]
    ]
    assert (user.run("import", file, "--strict")).status == 1


def test_an_import_may_come_from_standard_input_and_go_to_scripts(user: HubctlUser, brand: str) -> None:
    *rows, last = user.json("import", "-", "--dry-run", given=sample_under(f"{brand}x").decode())
    assert len(rows) == 43
    assert last["summary"]["dry_run"] is True
    assert last["summary"]["created_families"] == "9"


def test_a_file_that_is_no_catalogue_is_refused_once(user: HubctlUser, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("just text\n")
    ran = user.run("import", file)
    assert ran.status == 2
    assert ran.err.count("Product Type") <= 2
    assert (user.run("import", tmp_path / "missing.csv")).status == 2


def test_an_export_is_a_catalogue(user: HubctlUser, brand: str, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    user.ok("export", file)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    text = file.read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if brand in row["Group Name"]]
    assert len([row for row in rows if row["sku"]]) == 41
    piped = user.ok("export", "--family", rows[0]["product_id"])
    assert {row["Group Name"] for row in csv.DictReader(io.StringIO(piped.out))} == {rows[0]["Group Name"]}


def test_an_export_that_fails_leaves_the_former_file(stranger: HubctlUser, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("as it was")
    assert (stranger.run("export", tmp_path / "out.csv")).status == 1
    assert (tmp_path / "out.csv").read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_search_and_variant(user: HubctlUser, brand: str, sku: str) -> None:
    assert sku in (user.ok("search", brand, "bookshelf")).out
    shown = user.ok("variant", sku)
    assert f"{brand}-900110000011" in shown.out
    unknown = user.run("variant", "99999-QQ")
    assert unknown.status == 1
    assert "99999-QQ" in unknown.err


def test_a_price_is_set_exactly(user: HubctlUser, sku: str) -> None:
    assert (user.json("price", sku, "149.99"))[0]["price"] == {
        "currency_code": "USD",
        "units": "149",
        "nanos": 990_000_000,
    }
    assert (user.run("price", sku, "cheap")).status == 2


def test_units_are_received_held_released_sold_and_told(user: HubctlUser, sku: str, serial: str) -> None:
    shelf = f"SHELF-{serial}".upper()
    user.ok("locations", "add", shelf, "--warehouse", "MAIN", "--name", "Shelf of the test")
    assert shelf in (user.ok("locations", "list", "--warehouse", "MAIN")).out
    user.ok("receive", sku, serial, "--location", shelf, "--cost", "12.50", "--order", "PO-7")
    user.ok("move", serial, "B2", "--reason", "closer")
    held = user.json("reserve", serial, "--order", "O-1", "--hours", "0.5")
    assert held[0]["status"] == "RESERVED"
    twice = user.run("reserve", serial)
    assert twice.status == 1
    assert "RESERVED" in twice.err
    user.ok("release", f"#{held[0]['id']}")
    assert (user.json("sell", serial, "--price", "89", "--order", "O-2"))[0]["status"] == "SOLD"
    actions = [movement["action"] for movement in user.json("history", serial)]
    assert actions == ["RECEIVE", "MOVE", "RESERVE", "RELEASE", "SELL"]
    assert "12.50 USD" in (user.ok("stock", serial)).out
    assert "available units" in (user.ok("stock", sku)).out


def test_serial_numbers_may_be_scanned_in(user: HubctlUser, sku: str, serial: str) -> None:
    received = user.json("receive", sku, "-", given=f"{serial}-1\n\n  {serial}-2 \r\n{serial}-3")
    assert [unit["serial_number"] for unit in received] == [f"{serial}-{number}" for number in (1, 2, 3)]
    assert (user.run("receive", sku, "-", given="\n")).status == 2
    assert (user.run("receive", sku, f"{serial}-1")).status == 1


def test_more_units_than_one_call_takes(user: HubctlUser, brand: str, serial: str) -> None:
    other = (user.json("listings", "list", "--sku", f"{brand}-900310000073"))[0]["sku"]
    scanned = "".join(f"{serial}-{number}\n" for number in range(1200))
    assert user.json("receive", other, "-", given=scanned) == [{"received_units": "1200"}]
    assert user.json("receive", other, "--count", "1500") == [{"received_units": "1500"}]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["receive", "99999-QQ", "X1"], 1, "99999-QQ"),
        (["sell", "no-such-serial"], 1, "no-such-serial"),
        (["sell", "#abc"], 2, "#17"),
        (["stock", "no-such-serial"], 1, "no-such-serial"),
        (["listings", "retry", "999999999"], 1, "999999999"),
        (["orders", "resolve", "999999999"], 1, "999999999"),
        (["orders", "resolve", "1", "--map", "nonsense"], 2, "LINE=SKU"),
    ],
)
def test_what_is_not_there_is_told(user: HubctlUser, arguments: list[str], status: int, said: str) -> None:
    ran = user.run(*arguments)
    assert ran.status == status, ran
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_value_status_listings_and_orders(user: HubctlUser, brand: str) -> None:
    assert "all" in (user.ok("value")).out
    assert (user.json("value"))[0]["total"]
    channels = {(one["platform"], one["account"]) for one in user.json("status")}
    assert {("EBAY", "MEKONG"), ("EBAY", "USAV"), ("EBAY", "DRAGON"), ("ECWID", "USAV")} <= channels
    assert "EBAY MEKONG" in (user.ok("status")).out
    found = user.json("listings", "list", "--platform", "ebay", "--channel", "MEKONG", "--limit", "5")
    assert {one["account"] for one in found} == {"MEKONG"}
    mine = user.json("listings", "list", "--sku", f"{brand}-900110000011")
    assert (user.json("listings", "retry", mine[0]["id"]))[0]["id"] == mine[0]["id"]
    user.ok("orders", "list", "--attention")


def test_feeds_tell_what_happens_and_end_with_ctrl_c(user: HubctlUser, sku: str, serial: str) -> None:
    feeds = [user.start("--json", "watch", what) for what in ("stock", "catalog")]
    try:
        deadline = time.monotonic() + FEED_SECONDS
        number = 0
        lines: list[Any] = []
        # A feed tells from the moment it is connected, so there is something to tell until both have spoken.
        while len(lines) < 2 and time.monotonic() < deadline:
            number += 1
            user.ok("receive", sku, f"{serial}-{number}")
            user.ok("price", sku, f"{100 + number}")
            lines = [feed.stdout.readline() for feed in feeds if feed.stdout and number > 1]
        assert sku in lines[0]
        assert "price" in lines[1]
    finally:
        for feed in feeds:
            feed.send_signal(signal.SIGINT)
    assert [feed.wait(10) for feed in feeds] == [0, 0]
    for feed in feeds:
        feed.communicate()


def test_a_unit_comes_back_is_counted_and_travels(user: HubctlUser, sku: str, serial: str) -> None:
    number, shelf = f"{serial}-R", f"RET-{serial}".upper()
    user.ok("locations", "add", shelf, "--warehouse", "MAIN")
    user.ok("receive", sku, number, "--location", shelf)
    user.ok("sell", number, "--order", "O-9")
    assert (user.json("return", number, "--order", "O-9", "--reason", "hums", "--location", shelf))[0][
        "status"
    ] == "RMA"
    assert (user.json("inspect", number, "--grade", "B"))[0]["grade"] == "B"
    assert (user.json("restock", number))[0]["status"] == "AVAILABLE"
    user.ok("damage", number, "--reason", "fell")
    assert (user.json("repair", number))[0]["status"] == "RMA"
    user.ok("restock", number)
    count = (user.json("counts", "open", shelf))[0]["id"]
    scanned = user.run("scan", count, given=f"{number}\n\n{number}\nnobody's\n")
    assert scanned.status == 1
    assert all(word in scanned.out for word in ("RECORDED", "REPEATED", "UNKNOWN_CODE", "\a", "1 wrong"))
    assert [one["kind"] for one in (user.json("counts", "close", count))[0]["differences"]] == ["UNKNOWN"]
    assert (user.json("counts", "approve", count))[0]["state"] == "APPROVED"
    transfer = (user.json("transfers", "ship", "MAIN", number))[0]["id"]
    assert (user.json("transfers", "arrive", transfer, "--location", shelf))[0]["in_transit_units"] == "0"
    assert (user.json("write-off", number, "--reason", "test over"))[0]["status"] == "WRITTEN_OFF"


def test_a_snapshot_of_some_stock_comes_before_its_changes(user: HubctlUser, sku: str, serial: str) -> None:
    user.ok("receive", sku, serial)
    feed = user.start("--json", "watch", "stock", "--sku", sku, "--snapshot")
    try:
        assert feed.stdout
        told = json.loads(feed.stdout.readline())
        assert told["item"]["sku"] == sku
    finally:
        feed.send_signal(signal.SIGINT)
    assert feed.wait(10) == 0
    feed.communicate()
