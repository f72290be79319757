"""The settings of the inventory service."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class InventorySettings(ServiceSettings):
    """Read once at start; it has none beyond those of every service."""
