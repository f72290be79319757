"""Locations for people to look at."""

from __future__ import annotations

from inventory_svc.storage.locations import LocationFilter, count, list_page

__all__ = ["LocationFilter", "count", "list_page"]
