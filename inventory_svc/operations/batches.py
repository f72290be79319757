"""Changes of many units in one transaction, with a result for each: all or none, or those that can be changed.

Set-based: one statement tries all units, one finds out about those it did not change, and only holds that ran out and units
others had locked are tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chassis.errors import HubError, InvalidArgument
from inventory_svc.domain.errors import BatchTooLarge, ItemNotFound, UnitContended
from inventory_svc.domain.item import Action, Item, check, check_release, check_return, check_sell
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.money import Money
from inventory_svc.domain.serial_numbers import clean
from inventory_svc.operations.changing import Attempt, by_the_hub
from inventory_svc.operations.locations import known_location
from inventory_svc.operations.scope import refusals
from inventory_svc.storage import after_sale, unit_changes
from inventory_svc.storage.item_rows import get_many, ids_by_serial, ids_sold_under
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Claim, Sale

MAX_UNITS = 10_000
_ATTEMPTS = 5
_TOLD = 20

Explain = Callable[[Item], None]


@dataclass(frozen=True, slots=True)
class Units:
    """The units of a batch as the caller names them."""

    ids: Sequence[int]
    serial_numbers: Sequence[str]
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one unit: as it is now, and why it was refused when it was. `item_id` is 0 when it is unknown."""

    item_id: int
    serial_number: str
    item: Item | None = None
    refused: HubError | None = None


@dataclass(slots=True)
class _Progress:
    done: dict[int, Item] = field(default_factory=dict)
    seen: dict[int, Item] = field(default_factory=dict)
    refused: dict[int, HubError] = field(default_factory=dict)


async def move_batch(session: Session, units: Units, location: str, cause: Cause) -> list[Result]:
    """The units at another place. Raises what a single move raises, unless partial results are allowed."""
    location = await known_location(session, location, bound=cause.warehouses)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.move(session, ids, location, cause)

    return await change_batch(session, units, cause, attempt, lambda item: check(item, Action.MOVE))


async def reserve_batch(session: Session, units: Units, hold_for: timedelta, cause: Cause) -> list[Result]:
    """The units, held. Raises what a single reservation raises, unless partial results are allowed."""

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.reserve(session, [Claim(item_id, hold_for, cause) for item_id in ids])

    return await change_batch(session, units, cause, attempt, lambda item: check(item, Action.RESERVE))


async def release_batch(session: Session, units: Units, cause: Cause) -> list[Result]:
    """The units, free. Raises what a single release raises, unless partial results are allowed."""

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.release(session, ids, cause)

    return await change_batch(session, units, cause, attempt, lambda item: check_release(item, cause.order_reference))


async def sell_batch(session: Session, units: Units, price: Money | None, cause: Cause) -> list[Result]:
    """The units, sold. Raises what a single sale raises, unless partial results are allowed."""

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.sell(session, [Sale(item_id, price, cause) for item_id in ids])

    def explain(item: Item) -> None:
        check_sell(item, cause.order_reference, cause.actor_id)

    return await change_batch(session, units, cause, attempt, explain)


async def write_off_batch(session: Session, units: Units, cause: Cause) -> list[Result]:
    """The units, off the books. Raises what a single write-off raises, unless partial results are allowed."""

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await after_sale.write_off(session, ids, cause)

    return await change_batch(session, units, cause, attempt, lambda item: check(item, Action.WRITE_OFF))


async def return_batch(session: Session, units: Units, location: str, rma_number: str, cause: Cause) -> list[Result]:
    """The units, RMA; without a unit, all that were sold under the order of the cause.

    Raises what a single return raises, unless partial results are allowed.
    """
    location, cause = await known_location(session, location, bound=cause.warehouses), cause.unbound()
    if not units.ids and not units.serial_numbers and cause.order_reference:
        sold = await ids_sold_under(session, cause.order_reference, MAX_UNITS + 1)
        units = Units(sold, (), units.allow_partial)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await after_sale.take_back(session, ids, location, rma_number, cause)

    return await change_batch(session, units, cause, attempt, lambda item: check_return(item, cause.order_reference))


async def change_batch(
    session: Session, units: Units, cause: Cause, attempt: Attempt, explain: Explain
) -> list[Result]:
    """The units as `attempt` left them; `explain` raises when a unit's state forbids the change.

    Raises BatchTooLarge, and unless partial results are allowed ItemNotFound, OutsideWarehouses,
    UnitContended and what `explain` raises.
    """
    named = await _named(session, units)
    unknown = [number for number, item_id in named if not item_id]
    if unknown and not units.allow_partial:
        raise ItemNotFound.by_serial(unknown[0])
    wanted = list(dict.fromkeys(item_id for _, item_id in named if item_id))
    progress = await _try(session, wanted, cause, attempt, explain)
    if progress.refused and not units.allow_partial:
        raise _together(progress.refused, len(wanted))
    each = dict.fromkeys((0, number) if not item_id else (item_id, "") for number, item_id in named)
    return [_result(item_id, progress) if item_id else _stranger(number) for item_id, number in each]


async def _named(session: Session, units: Units) -> list[tuple[str, int]]:
    """Serial number and id of each unit named; the id is 0 where no unit has the number."""
    count = len(units.ids) + len(units.serial_numbers)
    if not count:
        raise InvalidArgument.of("ids", "at least one unit must be named")
    if count > MAX_UNITS:
        raise BatchTooLarge.over("ids", MAX_UNITS)
    numbers = [clean(number) for number in units.serial_numbers]
    found = await ids_by_serial(session, numbers) if numbers else {}
    return [("", item_id) for item_id in units.ids] + [(number, found.get(number.upper(), 0)) for number in numbers]


async def _try(session: Session, wanted: Sequence[int], cause: Cause, attempt: Attempt, explain: Explain) -> _Progress:
    progress, missing = _Progress(), list(wanted)
    for _ in range(_ATTEMPTS):
        progress.done |= {item.id: item for item in await attempt(missing)}
        missing = [item_id for item_id in missing if item_id not in progress.done]
        if not missing:
            return progress
        missing = await _find_out(session, missing, progress, explain, cause)
        if not missing:
            return progress
        await unit_changes.expire(session, missing, by_the_hub(cause))
    progress.refused |= {item_id: UnitContended.of(item_id) for item_id in missing}
    return progress


async def _find_out(
    session: Session, ids: Sequence[int], progress: _Progress, explain: Explain, cause: Cause
) -> list[int]:
    """Notes what is refused; answers the units that nothing speaks against, to be tried again."""
    outside = await refusals(session, ids, cause.warehouses)
    items = await get_many(session, ids)
    # Of a unit outside nothing is shown but that it is.
    progress.seen |= {key: item for key, item in items.items() if key not in outside}
    again: list[int] = []
    for item_id in ids:
        refused = _refusal(item_id, items, explain, outside)
        if refused is None:
            again.append(item_id)
        else:
            progress.refused[item_id] = refused
    return again


def _refusal(
    item_id: int, items: Mapping[int, Item], explain: Explain, outside: Mapping[int, HubError]
) -> HubError | None:
    if item_id not in items:
        return ItemNotFound.by_id(item_id)
    if item_id in outside:
        return outside[item_id]
    try:
        explain(items[item_id])
    except HubError as error:
        return error
    return None


def _result(item_id: int, progress: _Progress) -> Result:
    item = progress.done.get(item_id) or progress.seen.get(item_id)
    return Result(item_id, item.serial_number if item else "", item, progress.refused.get(item_id))


def _stranger(serial_number: str) -> Result:
    return Result(0, serial_number, refused=ItemNotFound.by_serial(serial_number))


def _together(refused: Mapping[int, HubError], total: int) -> HubError:
    """The refusal of the first unit, telling of the others."""
    errors = list(refused.values())
    first = errors[0]
    if len(errors) == 1:
        return first
    violations = [violation for error in errors[:_TOLD] for violation in error.violations]
    message = f"{len(errors)} of {total} units cannot be changed, so none was. The first: {first.message}"
    return type(first)(message, metadata=first.metadata, violations=violations, retry_after_s=first.retry_after_s)
