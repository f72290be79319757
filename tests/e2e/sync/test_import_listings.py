"""What a store offers already becomes a listing of the hub, through every real part of it."""

from __future__ import annotations

from pathlib import Path

from deploy.local.hub import Hub
from tests.e2e.hubctl.conftest import HubctlUser
from tests.e2e.sync.conftest import Shop


async def test_live_listings_are_imported_and_the_rest_is_matched_by_hand(shop: Shop, hub: Hub, tmp_path: Path) -> None:
    user = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), "HUBCTL_SESSION": str(tmp_path / "session.json")})
    user.ok("sign-in", "--local")
    await shop.stock(4)
    channel = next(one for one in (await shop.get("/api/v1/channels"))["items"] if one["platform"] == "ECWID")
    stranger = f"ALIEN{shop.mark}"
    for sku in (shop.sku, stranger):
        await shop.offer_without_the_hub(channel["account"], sku)
    (state,) = user.json("listings", "import", channel["id"])
    assert state["matched_count"] >= 1
    (listing,) = (await shop.get("/api/v1/listings", variant_id=shop.variant_id))["items"]
    assert (listing["platform_sku"], listing["price"]["units"]) == (shop.sku, "5")
    waiting = {one["platform_sku"]: one["id"] for one in user.json("listings", "unmatched", "--limit", "1000")}
    assert shop.sku not in waiting
    (matched,) = user.json("listings", "match", waiting[stranger], shop.sku)
    assert matched["platform_sku"] == stranger
    shop.channels = [channel]

    async def shows(sku: str, quantity: int) -> bool:
        query = {"platform": "ECWID", "account": channel["account"], "sku": sku}
        return [
            one["quantity"] for one in (await shop.sandbox.get("/_control/listings", params=query)).json()["items"]
        ] == [quantity]

    for sku in (shop.sku, stranger):
        await shop.until(lambda sku=sku: shows(sku, 4))  # type: ignore[misc]  # bound at once
