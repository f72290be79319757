"""Which SKU the demo sells, and what it shows."""

from __future__ import annotations

import pytest
from rich.console import Console

from hubctl.demo.choice import candidates, choose_others, choose_star, invented_price
from hubctl.demo.sale import scene_of
from hubctl.demo.scene import Scene
from hubctl.demo.shelves import Place, Shown
from hubctl.demo.waiting import wait_for
from hubctl.output import parse_money

MEKONG, USAV, SHOP, AMAZON = ("EBAY", "MEKONG"), ("EBAY", "USAV"), ("ECWID", "USAV"), ("AMAZON", "MAIN")
CHANNELS = {MEKONG, USAV, SHOP}


def on(sku: str, *channels: tuple[str, str]) -> list[tuple[str, Place]]:
    """Listings of a SKU, one per channel."""
    return [(sku, (*channel, f"{sku}-{number}")) for number, channel in enumerate(channels)]


def test_the_widest_spread_comes_first_and_dead_channels_do_not_count() -> None:
    listings = [*on("00001", SHOP, AMAZON), *on("00002", MEKONG, USAV, SHOP), *on("00003", AMAZON)]
    found = candidates(listings, CHANNELS)
    assert [(one.sku, one.channels) for one in found] == [("00002", 3), ("00001", 1)]


def test_fewer_listings_come_first_among_equals() -> None:
    listings = [*on("00001", MEKONG, MEKONG, SHOP), *on("00002", MEKONG, SHOP)]
    assert [one.sku for one in candidates(listings, CHANNELS)] == ["00002", "00001"]


def test_bundles_are_left_out_as_they_have_no_units() -> None:
    listings = [*on("00001-B", MEKONG, SHOP), *on("00001-K-BK", MEKONG, SHOP), *on("00001-P-1-BK", MEKONG, SHOP)]
    assert [one.sku for one in candidates(listings, CHANNELS)] == ["00001-P-1-BK"]


def test_what_has_one_unit_or_none_can_be_sold() -> None:
    found = candidates([*on("00001", MEKONG, USAV, SHOP), *on("00002", MEKONG, SHOP)], CHANNELS)
    for free, sku in (({}, "00001"), ({"00001": 1}, "00001"), ({"00001": 2}, "00002")):
        star = choose_star(found, free)
        assert star is not None
        assert star.sku == sku
    assert choose_star(found, {"00001": 2, "00002": 3}) is None


def test_one_channel_or_no_ebay_is_not_enough_to_show_anything() -> None:
    assert choose_star(candidates([*on("00001", MEKONG), *on("00002", SHOP)], CHANNELS), {}) is None


def test_others_get_units_where_they_have_none() -> None:
    found = candidates([item for number in range(5) for item in on(f"0000{number}", MEKONG, SHOP)], CHANNELS)
    assert choose_others(found, found[0], {"00002": 4}) == {"00001": 1, "00003": 2, "00004": 3}


def test_an_invented_price_is_an_amount_and_stays_the_same() -> None:
    assert invented_price("00001-BK") == invented_price("00001-BK")
    assert 0 < parse_money(invented_price("00001-BK")).units < 400


@pytest.fixture
def scene() -> Scene:
    """A unit on three listings, sold on the first eBay account at 100 s."""
    return scene_of("00001", (("ECWID", "USAV", "A"), ("EBAY", "MEKONG", "B"), ("EBAY", "USAV", "C")))


def test_the_first_ebay_listing_makes_the_sale(scene: Scene) -> None:
    assert scene.selling_row.channel == "EBAY MEKONG"


def test_times_are_counted_from_the_sale(scene: Scene) -> None:
    for row, changed_at in zip(scene.rows, (100.25, 100.0, 100.5), strict=True):
        row.shown = Shown(0, changed_at)
        row.confirmed_at = changed_at + 0.1
    assert scene.slowest_seconds == 0
    scene.sold_at = 100.0
    assert scene.slowest_seconds == 0.5
    told = scene.as_json()
    assert told["sku"] == "00001"
    assert told["slowest_seconds"] == 0.5


def test_a_listing_that_still_shows_a_unit_has_no_time(scene: Scene) -> None:
    scene.sold_at = 100.0
    scene.rows[0].shown = Shown(1, 99.0)
    assert scene.seconds(scene.rows[0]) is None
    assert scene.confirmed_seconds(scene.rows[0]) is None


def test_the_table_has_a_line_per_listing(scene: Scene) -> None:
    scene.sold_at = 100.0
    scene.rows[0].shown = Shown(0, 100.25)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(scene.render())
    lines = captured.get().splitlines()
    assert "0.25 s" in lines[1]
    assert "sold here" in lines[2]
    assert len(lines) == 4


def test_a_wait_answers_what_it_waited_for_or_ends() -> None:
    looks = iter([None, "", "here"])
    assert wait_for(lambda: next(looks), 5) == "here"
    assert wait_for(lambda: None, 0) is None
