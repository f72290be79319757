"""Locations for people to look at."""

from __future__ import annotations

from inventory_svc.storage.locations import count, get, list_page

__all__ = ["count", "get", "list_page"]
