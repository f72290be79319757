"""The settings of the catalog service: those that every service has."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.setting_values import seconds
from chassis.settings import ServiceSettings, setting


@dataclass(frozen=True, kw_only=True)
class CatalogSettings(ServiceSettings):
    """What the catalog service is told from outside."""

    listings_timeout: float = setting(
        "HUB_LISTINGS_TIMEOUT",
        1.0,
        "Seconds that GetVariant waits for the sync service before it answers without listings.",
        parse=seconds(0.05, 30),
    )
