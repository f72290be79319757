"""What the inventory service refuses, each with its reason from error_reason.proto."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Violation,
)

DOMAIN = "inventory.usav"
_SHOWN = 20
# gRPC clients take 8 KiB of error; encoding makes a third more of it.
_ERROR_BYTES = 5_000


class ItemNotFound(NotFound):
    """No unit has the id or serial number."""

    domain, reason = DOMAIN, "ITEM_NOT_FOUND"

    @classmethod
    def by_id(cls, item_id: int) -> ItemNotFound:
        """The error for an id."""
        return cls(f"There is no unit {item_id}.", metadata={"item_id": str(item_id)})

    @classmethod
    def by_serial(cls, serial_number: str) -> ItemNotFound:
        """The error for a serial number."""
        return cls(
            f"There is no unit with the serial number {serial_number!r}.", metadata={"serial_number": serial_number}
        )


class OutsideWarehouses(PermissionDenied):
    """The caller is bound to other warehouses."""

    domain, reason = DOMAIN, "OUTSIDE_YOUR_WAREHOUSES"

    @classmethod
    def of(cls, kind: str, value: str, bound: Collection[str]) -> OutsideWarehouses:
        """The error for the `kind` of thing (item_id, location, ...) that lies outside."""
        own = ", ".join(sorted(bound))
        what = f"{kind.removesuffix('_id')} {value or '(none)'}"
        return cls(
            f"You are bound to {own}, and the {what} lies outside. An admin can change what you are bound to.",
            metadata={kind: value, "warehouses": own},
        )


class VariantNotFound(NotFound):
    """The catalog knows no such variant."""

    domain, reason = DOMAIN, "VARIANT_NOT_FOUND"

    @classmethod
    def by_sku(cls, sku: str, field: str = "sku") -> VariantNotFound:
        """The error for a SKU given in `field`."""
        text = f"the catalog knows no variant with the SKU {sku!r}"
        return cls(f"{field}: {text}.", metadata={"sku": sku}, violations=[Violation(field, text)])

    @classmethod
    def by_id(cls, variant_id: int, field: str = "variant_id") -> VariantNotFound:
        """The error for an id given in `field`."""
        text = f"the catalog knows no variant {variant_id}"
        return cls(f"{field}: {text}.", metadata={"variant_id": str(variant_id)}, violations=[Violation(field, text)])


class SerialNumberTaken(AlreadyExists):
    """Other units have these serial numbers."""

    domain, reason = DOMAIN, "SERIAL_NUMBER_TAKEN"

    @classmethod
    def of(cls, serial_numbers: Sequence[str]) -> SerialNumberTaken:
        """The error naming the first of them."""
        shown = ", ".join(serial_numbers[:_SHOWN])
        return cls(f"Taken already: the serial number {shown}.", metadata={"serial_numbers": shown})


class SerialNumberRepeated(InvalidArgument):
    """One request names a serial number twice."""

    @classmethod
    def of(cls, field: str, serial_number: str) -> SerialNumberRepeated:
        """The error at the second place it stands."""
        text = f"the serial number {serial_number!r} stands twice in this request"
        return cls(f"{field}: {text}.", violations=[Violation(field, text)])


class StatusForbids(FailedPrecondition):
    """The unit's present status does not allow the action."""

    domain, reason = DOMAIN, "STATUS_FORBIDS"

    @classmethod
    def of(cls, item_id: int, status: str, action: str) -> StatusForbids:
        """The error naming the present status."""
        text = f"The unit {item_id} is {status}, which does not allow {action}."
        return cls(
            text,
            metadata={"item_id": str(item_id), "status": status, "action": action},
            violations=[Violation(f"items/{item_id}", text)],
        )


class HeldForAnother(FailedPrecondition):
    """The unit is held for another order or person."""

    domain, reason = DOMAIN, "HELD_FOR_ANOTHER"

    @classmethod
    def of(cls, item_id: int, order_reference: str) -> HeldForAnother:
        """The error naming the order it is held for."""
        text = f"The unit {item_id} is RESERVED for {_held_for(order_reference)}."
        return cls(
            text,
            metadata={"item_id": str(item_id), "status": "RESERVED", "order_reference": order_reference},
            violations=[Violation(f"items/{item_id}", text)],
        )


class SoldUnderAnother(FailedPrecondition):
    """The unit was sold under another order."""

    domain, reason = DOMAIN, "SOLD_UNDER_ANOTHER"

    @classmethod
    def of(cls, item_id: int, order_reference: str) -> SoldUnderAnother:
        """The error naming the order it was sold under."""
        under = f"under the order {order_reference}" if order_reference else "without an order"
        text = f"The unit {item_id} was sold {under}."
        return cls(
            text,
            metadata={"item_id": str(item_id), "order_reference": order_reference},
            violations=[Violation(f"items/{item_id}", text)],
        )


class RegradeRefused(FailedPrecondition):
    """The unit was asked to become another thing."""

    domain, reason = DOMAIN, "REGRADE_REFUSED"

    @classmethod
    def of(cls, item_id: int, sku: str, asked_sku: str) -> RegradeRefused:
        """The error naming both SKUs."""
        text = f"The unit {item_id} is {sku}; {asked_sku} is not that in another condition."
        return cls(
            text,
            metadata={"item_id": str(item_id), "sku": sku, "asked_sku": asked_sku},
            violations=[Violation("sku", text)],
        )


def _held_for(order_reference: str) -> str:
    return f"the order {order_reference}" if order_reference else "somebody else"


class ItemHasHistory(FailedPrecondition):
    """The unit was more than AVAILABLE once, so it stays."""

    domain, reason = DOMAIN, "ITEM_HAS_HISTORY"

    @classmethod
    def of(cls, item_id: int) -> ItemHasHistory:
        """The error that says what to do instead."""
        text = f"The unit {item_id} has been reserved or sold once, so it cannot be deleted; write it off instead."
        return cls(text, metadata={"item_id": str(item_id)}, violations=[Violation(f"items/{item_id}", text)])


@dataclass(frozen=True, slots=True)
class Shortage:
    """A line that cannot be met."""

    line_id: str
    sku: str
    asked: int
    free: int
    # For a bundle: which components are missing.
    missing: str = ""


class OutOfStock(FailedPrecondition):
    """Fewer units are free than were asked for."""

    domain, reason = DOMAIN, "OUT_OF_STOCK"

    @classmethod
    def of(cls, shortages: Sequence[Shortage]) -> OutOfStock:
        """The error telling asked and free per line, of as many lines as fit into what callers take as an error."""
        metadata: dict[str, str] = {}
        shown = list(_fitting(shortages))
        for short in shown:
            metadata[f"{short.line_id}.sku"] = short.sku
            metadata[f"{short.line_id}.asked"] = str(short.asked)
            metadata[f"{short.line_id}.free"] = str(short.free)
            if short.missing:
                metadata[f"{short.line_id}.missing"] = short.missing
        told = [Violation(f"lines/{each.line_id}", _told(each)) for each in shown]
        text = "; ".join(item.description for item in told)
        many = f" for {len(shortages)} lines, of which {len(shown)} follow" if len(shortages) > len(shown) else ""
        return cls(f"Not enough free units{many}: {text}.", metadata=metadata, violations=told)


def _fitting(shortages: Sequence[Shortage]) -> Iterator[Shortage]:
    """The first one, and others while they fit. Each stands in the metadata, the violations and twice in the message."""
    room = _ERROR_BYTES
    for place, short in enumerate(shortages):
        room -= 5 * len(short.line_id) + 4 * len(short.sku.encode()) + 4 * len(short.missing.encode()) + 120
        if place and room < 0:
            return
        yield short


def _told(short: Shortage) -> str:
    missing = f" ({short.missing})" if short.missing else ""
    return f"{short.sku}: asked {short.asked}, free {short.free}{missing}"


class AllocationDiffers(FailedPrecondition):
    """The order line was allocated before with another SKU, or with another quantity that it may not change."""

    domain, reason = DOMAIN, "ALLOCATION_DIFFERS"

    @classmethod
    def of(cls, order_reference: str, line_id: str) -> AllocationDiffers:
        """The error naming order and line."""
        text = (
            f"The line {line_id} of {order_reference} was allocated before with another SKU or quantity; ask for it as it was,"
            " say by quantity_change what another quantity means, or use another line id."
        )
        return cls(text, metadata={"order_reference": order_reference, "line_id": line_id})


class AllocationReleased(FailedPrecondition):
    """The order line was released; it is not taken up again."""

    domain, reason = DOMAIN, "ALLOCATION_RELEASED"

    @classmethod
    def of(cls, order_reference: str, line_id: str) -> AllocationReleased:
        """The error naming order and line."""
        text = f"The line {line_id} of {order_reference} was released; allocate it under another line id."
        return cls(text, metadata={"order_reference": order_reference, "line_id": line_id})


class AllocationNotHeld(FailedPrecondition):
    """The order line does not hold all its units (any more)."""

    domain, reason = DOMAIN, "ALLOCATION_NOT_HELD"

    @classmethod
    def settled(cls, order_reference: str, line_id: str, state: str) -> AllocationNotHeld:
        """The error for a line that is sold or released."""
        text = f"The line {line_id} of {order_reference} is {state}, not held."
        return cls(text, metadata={"order_reference": order_reference, "line_id": line_id, "state": state})

    @classmethod
    def expired(cls, order_reference: str, line_id: str) -> AllocationNotHeld:
        """The error for a line whose holds ran out, or were given up one by one."""
        text = (
            f"The line {line_id} of {order_reference} no longer holds all its units; allocate it again to fill it up."
        )
        metadata = {"order_reference": order_reference, "line_id": line_id, "state": "EXPIRED"}
        return cls(text, metadata=metadata, violations=[Violation(f"lines/{line_id}", text)])


class AllocationNotFound(NotFound):
    """Nothing was ever allocated for the order."""

    domain, reason = DOMAIN, "ALLOCATION_NOT_FOUND"

    @classmethod
    def of(cls, order_reference: str, line_id: str = "") -> AllocationNotFound:
        """The error naming the order, and the line when one was asked for."""
        what = f"the line {line_id} of {order_reference}" if line_id else order_reference
        metadata = {"order_reference": order_reference} | ({"line_id": line_id} if line_id else {})
        return cls(f"Nothing was allocated for {what}.", metadata=metadata)


class LocationNotFound(NotFound):
    """There is no such location."""

    domain, reason = DOMAIN, "LOCATION_NOT_FOUND"

    @classmethod
    def by_code(cls, code: str, field: str = "location") -> LocationNotFound:
        """The error for a code given in `field`."""
        text = f"there is no location {code!r}; make it first"
        return cls(f"{field}: {text}.", metadata={"location": code}, violations=[Violation(field, text)])

    @classmethod
    def by_id(cls, location_id: int) -> LocationNotFound:
        """The error for an id."""
        return cls(f"There is no location {location_id}.", metadata={"id": str(location_id)})


class LocationInactive(FailedPrecondition):
    """Nothing may be put there any more."""

    domain, reason = DOMAIN, "LOCATION_INACTIVE"

    @classmethod
    def of(cls, code: str, field: str = "location") -> LocationInactive:
        """The error for a code given in `field`."""
        text = f"nothing may be put to {code} any more; it is not active"
        return cls(f"{field}: {text}.", metadata={"location": code}, violations=[Violation(field, text)])


class LocationExists(AlreadyExists):
    """Another location has the code."""

    domain, reason = DOMAIN, "LOCATION_EXISTS"

    @classmethod
    def of(cls, code: str) -> LocationExists:
        """The error naming the code."""
        return cls(f"There is a location {code} already.", metadata={"location": code})


class LocationInUse(FailedPrecondition):
    """Units lie there, or it is being counted."""

    domain, reason = DOMAIN, "LOCATION_IN_USE"

    @classmethod
    def of(cls, code: str, why: str = "units lie there; move them first") -> LocationInUse:
        """The error naming the location and why."""
        text = f"The location {code} stays: {why}."
        return cls(text, metadata={"location": code}, violations=[Violation(f"locations/{code}", text)])


class CountNotFound(NotFound):
    """There is no such count."""

    domain, reason = DOMAIN, "COUNT_NOT_FOUND"

    @classmethod
    def of(cls, count_id: int) -> CountNotFound:
        """The error for an id."""
        return cls(f"There is no count {count_id}.", metadata={"count_id": str(count_id)})


class CountStateForbids(FailedPrecondition):
    """The count has come too far, or not far enough."""

    domain, reason = DOMAIN, "COUNT_STATE_FORBIDS"

    @classmethod
    def of(cls, count_id: int, state: str, doing: str) -> CountStateForbids:
        """The error naming the present state."""
        text = f"The count {count_id} is {state}, which does not allow {doing}."
        return cls(
            text,
            metadata={"count_id": str(count_id), "state": state},
            violations=[Violation(f"counts/{count_id}", text)],
        )


class LocationBeingCounted(FailedPrecondition):
    """The location is in another open count."""

    domain, reason = DOMAIN, "LOCATION_BEING_COUNTED"

    @classmethod
    def of(cls, code: str) -> LocationBeingCounted:
        """The error naming the location."""
        text = f"The location {code} is in another open count."
        return cls(text, metadata={"location": code}, violations=[Violation("locations", text)])


class TransferNotFound(NotFound):
    """There is no such transfer."""

    domain, reason = DOMAIN, "TRANSFER_NOT_FOUND"

    @classmethod
    def of(cls, transfer_id: int) -> TransferNotFound:
        """The error for an id."""
        return cls(f"There is no transfer {transfer_id}.", metadata={"transfer_id": str(transfer_id)})


class OnAnotherTransfer(FailedPrecondition):
    """The unit is on its way with another transfer."""

    domain, reason = DOMAIN, "ON_ANOTHER_TRANSFER"

    @classmethod
    def of(cls, item_id: int, transfer_id: int) -> OnAnotherTransfer:
        """The error naming the right one."""
        text = f"The unit {item_id} is on its way with the transfer {transfer_id}."
        return cls(
            text,
            metadata={"item_id": str(item_id), "transfer_id": str(transfer_id)},
            violations=[Violation(f"items/{item_id}", text)],
        )


class WarehouseDiffers(FailedPrecondition):
    """No location is in that warehouse, or the location is in another one."""

    domain, reason = DOMAIN, "WAREHOUSE_DIFFERS"

    @classmethod
    def of(cls, warehouse: str, field: str) -> WarehouseDiffers:
        """The error naming the warehouse the units go to."""
        text = f"there is no such location in the warehouse {warehouse}"
        return cls(f"{field}: {text}.", metadata={"warehouse": warehouse}, violations=[Violation(field, text)])


class BatchTooLarge(InvalidArgument):
    """One call holds more units than it may."""

    domain, reason = DOMAIN, "BATCH_TOO_LARGE"

    @classmethod
    def over(cls, field: str, limit: int) -> BatchTooLarge:
        """The error telling the limit."""
        text = f"at most {limit} units fit into one call; send several"
        return cls(f"{field}: {text}.", metadata={"limit": str(limit)}, violations=[Violation(field, text)])


class UnitContended(Aborted):
    """Other calls changed the unit faster than this one could."""

    domain, reason = DOMAIN, "UNIT_CONTENDED"

    @classmethod
    def of(cls, item_id: int) -> UnitContended:
        """The error; the same call may be repeated."""
        text = f"Other calls are changing the unit {item_id} just now; read it and try again."
        return cls(text, metadata={"item_id": str(item_id)}, retry_after_s=0.05)


class OrderMeanwhile(UnitContended):
    """Another call added lines to the same order at this very moment."""
