"""What a constraint of the schema means to a caller."""

from __future__ import annotations

import re

from chassis.database_errors import ConstraintDetail, Constraints
from chassis.errors import HubError
from chassis.idempotency import answered_meanwhile
from inventory_svc.domain.errors import (
    LocationBeingCounted,
    LocationExists,
    LocationInUse,
    OrderMeanwhile,
    SerialNumberTaken,
    UnitContended,
)

_VALUE = re.compile(r"\)=\((.*)\) already exists", re.DOTALL)


def _serial_number_taken(detail: ConstraintDetail) -> HubError:
    found = _VALUE.search(detail.detail)
    return SerialNumberTaken.of([found.group(1)] if found else [])


def _contended(detail: ConstraintDetail) -> HubError:
    return UnitContended("Other calls changed the same unit just now; read it and try again.", retry_after_s=0.05)


def _order_meanwhile(detail: ConstraintDetail) -> HubError:
    return OrderMeanwhile("Another call allocated this order just now; look at it and try again.", retry_after_s=0.05)


def _location_exists(detail: ConstraintDetail) -> HubError:
    found = _VALUE.search(detail.detail)
    return LocationExists.of(found.group(1) if found else "with this code")


def _location_in_use(detail: ConstraintDetail) -> HubError:
    return LocationInUse("Units lie at this location, or it is being counted; move them first.")


def _being_counted(detail: ConstraintDetail) -> HubError:
    found = _VALUE.search(detail.detail)
    return LocationBeingCounted.of(found.group(1) if found else "")


CONSTRAINTS: Constraints = {
    "uq_count_location_open": _being_counted,
    "uq_location_code": _location_exists,
    "location_with_stock": _location_in_use,
    "pk_stored_answer": answered_meanwhile,
    "uq_item_serial_number": _serial_number_taken,
    "uq_allocation_line_order_reference_line_id": _order_meanwhile,
    "uq_reservation_live": _contended,
    "uq_movement_item_id_sequence": _contended,
    "item_status_move": _contended,
    "item_version_step": _contended,
    "movement_chain": _contended,
}
