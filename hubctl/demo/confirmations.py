"""Listens to the hub's own word on the SKU on sale: WatchSync, in a thread of its own."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import grpc
from usav.sync.v1 import channel_pb2, listing_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from hubctl.client import Hub
from hubctl.demo.scene import Scene

_READY_SECONDS = 10.0


class Confirmations:
    """While entered, every push of a zero that went well is noted in the scene's row."""

    def __init__(self, hub: Hub, scene: Scene) -> None:
        self._hub = hub
        self._rows = {row.place: row for row in scene.rows}
        self._ready = Event()
        self._call: Any = None

    def __enter__(self) -> Confirmations:
        self._call = self._hub.sync.WatchSync(pb.WatchSyncRequest())
        Thread(target=self._listen, daemon=True).start()
        self._ready.wait(_READY_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._call.cancel()

    def _listen(self) -> None:
        try:
            for message in self._call:
                self._ready.set()
                if message.HasField("listing_pushed"):
                    self._note(message)
        except grpc.RpcError:
            # The watch is an extra; the shelves themselves are what counts.
            return

    def _note(self, message: pb.WatchSyncResponse) -> None:
        pushed = message.listing_pushed
        place = (channel_pb2.Channel.Platform.Name(pushed.platform), pushed.account, pushed.platform_sku)
        row = self._rows.get(place)
        if row is not None and pushed.outcome == listing_pb2.ListingAttempt.DONE and pushed.quantity == 0:
            row.confirmed_at = message.event_time.ToNanoseconds() / 1e9
