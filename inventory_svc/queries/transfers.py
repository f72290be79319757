"""Transfers for people to look at."""

from __future__ import annotations

from inventory_svc.storage.transfers import list_page, list_units, total

__all__ = ["list_page", "list_units", "total"]
