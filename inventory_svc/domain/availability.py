"""How many units of a variant may be promised, as read at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """The free units of a variant. Includes every change of transactions before `revision`, which never falls."""

    variant_id: int
    free_units: int
    revision: int
    # Of the free units, those that have to be built from components.
    buildable_units: int = 0
