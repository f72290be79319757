"""The heart of the demo: a buyer takes the last unit on one channel, and every other one is watched until it shows zero."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from usav.inventory.v1 import item_pb2

from hubctl.client import Hub
from hubctl.demo import stock
from hubctl.demo.channels import SandboxChannels
from hubctl.demo.choice import SELLING_PLATFORM
from hubctl.demo.confirmations import Confirmations
from hubctl.demo.failure import DemoFailed
from hubctl.demo.scene import Row, Scene
from hubctl.demo.shelves import Place, Sale, Shelves
from hubctl.demo.waiting import wait_for

# How long the hub's own word on a push may come after the shelf has changed.
_CONFIRM_SECONDS = 5.0
# How long the marketplace may take to tell the hub of its sale.
_NOTICE_SECONDS = 10.0
# What happens is over in an instant; a person should see the shelves before it.
_PAUSE_SECONDS = 1.5


@dataclass(frozen=True)
class LastUnitSale:
    """One sale. `seconds` bounds each wait."""

    hub: Hub
    shelves: Shelves
    channels: SandboxChannels
    console: Console
    seconds: float

    def make(self, scene: Scene) -> Sale:
        """Sells on the scene's first eBay account. Raises DemoFailed when another channel goes on offering."""
        seller = scene.selling_row
        self._look(scene)
        with Confirmations(self.hub, scene), Live(scene.render(), console=self.console) as live:
            if self.console.is_terminal:
                time.sleep(_PAUSE_SECONDS)
            sale = self.shelves.buy(seller.place)
            scene.sold_at = sale.sold_at
            emptied = self._follow(scene, live, _is_empty, min(self.seconds, _NOTICE_SECONDS))
            if not emptied:
                # The marketplace's notice may be lost, or not be set up yet; then the hub finds the order when it looks.
                self.channels.look_for_orders(seller.place[:2])
                emptied = self._follow(scene, live, _is_empty, self.seconds)
            if emptied:
                self._follow(scene, live, lambda row: row.is_sold_here or bool(row.confirmed_at), _CONFIRM_SECONDS)
        if not emptied:
            late = ", ".join(row.channel for row in scene.rows if row.quantity)
            raise DemoFailed(
                f"{late} still shows a unit {self.seconds:.0f} s after it was sold:\n{stock.trouble(self.hub, scene.sku)}"
            )
        return sale

    def unit_of(self, scene: Scene, sale: Sale) -> item_pb2.Item:
        """The unit that the hub gave to the sale. Raises DemoFailed."""
        unit = wait_for(lambda: stock.sold_unit(self.hub, scene.sku, sale.order_id), self.seconds)
        if unit is None:
            raise DemoFailed(f"order {sale.order_id} was given no unit of {scene.sku}; see `hubctl orders list`")
        return unit

    def _follow(self, scene: Scene, live: Live, is_done: Callable[[Row], bool], seconds: float) -> bool:
        def all_done() -> bool:
            self._look(scene)
            live.update(scene.render(), refresh=True)
            return all(is_done(row) for row in scene.rows)

        return bool(wait_for(all_done, seconds))

    def _look(self, scene: Scene) -> None:
        for row in scene.rows:
            row.shown = self.shelves.shown(row.place)


def _is_empty(row: Row) -> bool:
    return row.quantity == 0


def scene_of(sku: str, places: Sequence[Place]) -> Scene:
    """A scene in which the first listing on eBay makes the sale."""
    seller = next(place for place in places if place[0] == SELLING_PLATFORM)
    return Scene(sku, [Row(place, is_sold_here=place == seller) for place in places])
