"""What all marketplaces share: clock, shelves, switches, courier and keeper; and what each must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.call_log import CallLog
from sandbox.clock import MarketClock
from sandbox.courier import Courier
from sandbox.faults import FaultRule, Switchboard
from sandbox.keeper import Keeper
from sandbox.shelves import Shelves
from sandbox.switches import Switches
from sandbox.wire import Answer, Call, Json, Outcome


@dataclass(slots=True)
class World:
    """The surroundings of the marketplaces. `base_url` is the sandbox's own address, known once it listens."""

    clock: MarketClock
    shelves: Shelves
    switches: Switches
    courier: Courier
    keeper: Keeper
    log: CallLog
    faults: Switchboard
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer puts into the cart: (SKU, quantity) lines of one account."""

    account: str
    lines: tuple[tuple[str, int], ...]
    paid: bool = True
    webhook: bool = True


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line that an edited order shall have: of a SKU, put where `instead_of` was when that is given."""

    sku: str
    quantity: int
    instead_of: str = ""


class CannotBuy(Exception):
    """The listing does not show what the buyer wants, or there is no such listing."""

    def __init__(self, sku: str, shown: int | None) -> None:
        super().__init__(f"{sku} is not listed" if shown is None else f"{sku} shows {shown}")
        self.sku = sku
        self.shown = shown


class UnknownOrder(Exception):
    """No order has that id."""


class CannotRefund(Exception):
    """Nothing is to be given back, or the platform's orders do not show it."""


class CannotEdit(Exception):
    """The order cannot have these lines: of what was sent, or of what the platform lets a seller change."""


@dataclass(slots=True)
class Usage:
    """Calls answered and refused by the platform's own quota."""

    served: dict[str, int] = field(default_factory=dict)
    over_quota: int = 0

    def count(self, name: str) -> None:
        """Counts one call under a name."""
        self.served[name] = self.served.get(name, 0) + 1


class Market(Protocol):
    """One platform of the sandbox."""

    platform: str
    usage: Usage

    def identify(self, call: Call) -> None:
        """Finds operation, path variables and, if the credentials are known, the account of a call."""

    def handle(self, call: Call) -> Outcome:
        """Answers a call that `identify` has seen. Refusals come back as answers."""

    def fault_answer(self, status: int, code: int) -> Answer:
        """The platform's own error answer for an injected fault."""

    def revoke(self, call: Call, rule: FaultRule) -> Answer:
        """Forgets the access token of the call, or withdraws the account's consent, and refuses."""

    def accounts(self) -> list[Json]:
        """Accounts with the credentials a channel needs."""

    def buy(self, purchase: Purchase) -> Json:
        """A buyer buys. Raises CannotBuy."""

    def cancel(self, order_id: str, webhook: bool = True) -> Json:
        """The order is cancelled; a repeat changes nothing. Raises UnknownOrder."""

    def pay(self, order_id: str, webhook: bool = True) -> Json:
        """An unpaid order is paid. Raises UnknownOrder."""

    def refund(self, order_id: str, sku: str, webhook: bool = True) -> Json:
        """The seller gives back the price of a line, or of all when `sku` is empty. Raises UnknownOrder, CannotRefund."""

    def edit(self, order_id: str, lines: Sequence[WantedLine], webhook: bool = True) -> Json:
        """The order gets exactly these lines, unless it has them. Raises UnknownOrder, CannotBuy, CannotEdit."""

    def recent_orders(self, account: str, limit: int) -> list[Json]:
        """The newest orders as summaries."""

    def quota(self) -> Json:
        """What is left of every quota."""

    def reset(self) -> None:
        """Back to the first day: no listings, no orders, all consents valid."""
