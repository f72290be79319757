"""What a constraint of the schema means to a caller."""

from __future__ import annotations

import re

from chassis.database_errors import ConstraintDetail, Constraints
from chassis.errors import HubError
from inventory_svc.domain.errors import SerialNumberTaken, UnitContended

_VALUE = re.compile(r"\)=\((.*)\) already exists", re.DOTALL)


def _serial_number_taken(detail: ConstraintDetail) -> HubError:
    found = _VALUE.search(detail.detail)
    return SerialNumberTaken.of([found.group(1)] if found else [])


def _contended(detail: ConstraintDetail) -> HubError:
    return UnitContended("Other calls changed the same unit just now; read it and try again.", retry_after_s=0.05)


CONSTRAINTS: Constraints = {
    "uq_item_serial_number": _serial_number_taken,
    "uq_reservation_live": _contended,
    "uq_movement_item_id_sequence": _contended,
    "item_status_move": _contended,
    "item_version_step": _contended,
    "movement_chain": _contended,
}
