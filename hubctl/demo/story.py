"""The story, step by step: catalogue in, units received, shelves filled, one sale, all shelves empty. Every wait is bounded."""

from __future__ import annotations

import time
from pathlib import Path

from usav.catalog.v1 import transfer_pb2

from hubctl.client import Hub
from hubctl.demo import stock
from hubctl.demo.channels import SandboxChannels
from hubctl.demo.choice import Candidate, candidates, choose_others, choose_star
from hubctl.demo.failure import DemoFailed
from hubctl.demo.sale import LastUnitSale, scene_of
from hubctl.demo.scene import Scene
from hubctl.demo.shelves import Place, Shelves
from hubctl.demo.waiting import wait_for
from hubctl.importing import ProgressBar, import_file
from hubctl.output import Output


class Story:
    """One telling. `seconds` bounds each step that waits."""

    def __init__(self, hub: Hub, sandbox_url: str, output: Output, seconds: float) -> None:
        self._hub = hub
        self._shelves = Shelves(sandbox_url)
        self._channels = SandboxChannels(hub, self._shelves.url, self._shelves.accounts())
        self._output = output
        self._seconds = seconds
        self._steps = 0

    def tell(self, csv: Path) -> None:
        """All steps. Raises DemoFailed, grpc.RpcError."""
        active = self._channels.active()
        skus = self._import(csv)
        star = self._receive(active, skus)
        self._fill(star)
        self._sell(scene_of(star.sku, star.places))

    def _import(self, csv: Path) -> set[str]:
        """Answers the SKUs of the file."""
        self._step(f"The catalogue {csv.name} goes in.")
        with csv.open("rb") as file, ProgressBar(self._output.errors) as bar:
            imported = import_file(self._hub, file, bar)
        summary = imported.summary or transfer_pb2.ImportSummary()
        self._say(
            f"{summary.rows:,} rows: {summary.created_rows:,} created, {summary.unchanged_rows + summary.updated_rows:,} there "
            f"already, {summary.reported_rows:,} reported (`.venv/bin/hubctl import` lists them)"
        )
        self._say(
            f"new: {summary.created_families:,} families, {summary.created_variants:,} variants, "
            f"{summary.created_listings:,} listings"
        )
        return imported.skus

    def _receive(self, channels: set[tuple[str, str]], skus: set[str]) -> Candidate:
        """One unit of the SKU that will be sold, some units of others. `channels` are those that are kept up to date."""
        listed = (listing for listing in stock.listings(self._hub) if listing[0] in skus)
        found = candidates(listed, channels)
        free = stock.free_units(self._hub, [one.sku for one in found])
        star = choose_star(found, free)
        if star is None:
            raise DemoFailed(
                "no SKU of this catalogue is listed on eBay and on another channel with at most one unit in stock; "
                "take the small catalogue: `make demo` without CSV"
            )
        others = choose_others(found, star, free)
        units = others if free.get(star.sku) else {star.sku: 1, **others}
        self._step(f"Units received: {sum(units.values())}, of {len(units)} SKUs. Of {star.sku} there is just one.")
        priced = stock.put_prices(self._hub, [star.sku, *others])
        if priced:
            self._say(f"SKUs without a price that were given an invented one: {priced}")
        if units:
            stock.receive(self._hub, units)
        return star

    def _fill(self, star: Candidate) -> None:
        """Waits until every listing of the SKU shows its unit."""
        self._step(f"The hub offers {star.sku} on {', '.join(star.channel_names)}.")
        started = time.monotonic()
        if not wait_for(lambda: all(self._quantity(place) == 1 for place in star.places), self._seconds):
            told = stock.trouble(self._hub, star.sku)
            raise DemoFailed(f"not every channel shows {star.sku} after {self._seconds:.0f} s:\n{told}")
        self._say(f"all of them show 1 after {time.monotonic() - started:.2f} s; have a look: {self._shelves.url}/")

    def _sell(self, scene: Scene) -> None:
        self._step(f"A buyer takes the last {scene.sku} on {scene.selling_row.channel}.")
        console = self._output.errors if self._output.as_json else self._output.console
        sale = LastUnitSale(self._hub, self._shelves, self._channels, console, self._seconds)
        made = sale.make(scene)
        unit = sale.unit_of(scene, made)
        if self._output.as_json:
            self._output.json_line({**scene.as_json(), "order_id": made.order_id, "serial_number": unit.serial_number})
        self._output.say("")
        self._output.say(f"Every other channel showed 0 within {scene.slowest_seconds:.2f} s of the sale.")
        self._output.say(
            f"Unit {unit.serial_number} is SOLD to order {unit.order_reference}: `.venv/bin/hubctl history {unit.serial_number}`"
        )

    def _quantity(self, place: Place) -> int:
        shown = self._shelves.shown(place)
        return shown.quantity if shown else 0

    def _step(self, text: str) -> None:
        self._steps += 1
        self._output.say(f"{self._steps}. {text}")

    def _say(self, text: str) -> None:
        self._output.say(f"   {text}")
