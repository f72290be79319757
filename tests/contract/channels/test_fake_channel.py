"""The marketplace in memory keeps the promises of real ones, so that what is proven on it holds for them."""

from __future__ import annotations

from typing import Any

import pytest

from sync_svc.channels.base import ChannelAccount
from tests.contract.channels import test_listings, test_orders, test_shipping
from tests.contract.channels.market import Market
from tests.factories.sync.platform import FakeChannel, FakePlatform

_CASES = (
    test_listings.test_account_can_be_checked,
    test_listings.test_ended_listing_is_gone_and_comes_back,
    test_listings.test_forgotten_listing_is_found_by_its_sku,
    test_listings.test_known_listing_takes_new_quantity_and_price,
    test_listings.test_listing_that_never_was_is_absent_and_ended_already,
    test_listings.test_new_listing_shows_what_was_asked_and_reads_back,
    test_listings.test_new_listing_without_a_price_is_refused_for_a_person,
    test_listings.test_nothing_to_sell_makes_no_listing_until_there_is_something,
    test_listings.test_one_bad_listing_of_a_batch_spoils_no_other,
    test_listings.test_pushing_the_same_again_changes_nothing,
    test_listings.test_quantity_alone_leaves_the_price,
    test_listings.test_skus_of_the_real_catalog_work,
    test_orders.test_cancelled_order_says_so,
    test_orders.test_next_poll_brings_what_changed_since,
    test_orders.test_order_is_polled_and_read_alike,
    test_orders.test_unknown_order_is_none,
    test_orders.test_unpaid_order_says_so,
    test_shipping.test_cancelled_order_is_not_shipped,
    test_shipping.test_order_goes_out_in_two_parcels,
    test_shipping.test_parcel_shows_with_its_tracking_number,
    test_shipping.test_parcel_told_again_is_not_doubled,
    test_shipping.test_unknown_order_is_refused_for_a_person,
    test_shipping.test_what_somebody_else_shipped_is_left_alone,
)
# The cases are collected here under their own names, with the market of this file.
globals().update({case.__name__: case for case in _CASES})


class FakeMarket(Market):
    """The marketplace in memory as a case sees it."""

    async def shown(self, sku: str) -> list[dict[str, Any]]:
        shelf = self._platform.shelves.get(sku)
        return [] if shelf is None else [{"quantity": shelf.quantity, "status": shelf.phase.value}]

    async def buy(self, sku: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
        order_id = self._platform.buy(sku, quantity, paid=more.get("paid", True))
        if more.get("cancel"):
            self._platform.change(order_id, cancelled=True)
        return {"order_id": order_id}

    async def parcels(self, order_id: str) -> list[str]:
        return [one.tracking_number for one in self._platform.parcels if one.external_order_id == order_id]

    @property
    def _platform(self) -> FakePlatform:
        assert isinstance(self.channel, FakeChannel)
        return self.channel.platform


@pytest.fixture
def market() -> FakeMarket:
    """A fresh marketplace."""
    account = ChannelAccount(channel_id=1, platform="EBAY", account="MEKONG", api_base_url="")
    return FakeMarket("EBAY", "MEKONG", FakeChannel(FakePlatform(), account), account, control=None)  # type: ignore[arg-type]  # it has no wire
