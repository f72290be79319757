"""A world without sockets or files."""

from sandbox.call_log import CallLog
from sandbox.clock import MarketClock
from sandbox.courier import Courier
from sandbox.faults import Switchboard
from sandbox.keeper import Keeper
from sandbox.shelves import Shelves
from sandbox.switches import Switches
from sandbox.world import World


def make_world() -> World:
    """Fresh surroundings."""
    faults = Switchboard()
    return World(
        clock=MarketClock(),
        shelves=Shelves(),
        switches=Switches(),
        courier=Courier(faults),
        keeper=Keeper(None),
        log=CallLog(),
        faults=faults,
        base_url="http://127.0.0.1:1",
    )
