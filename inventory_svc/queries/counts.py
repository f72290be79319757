"""Counts for people to look at."""

from __future__ import annotations

from inventory_svc.storage.counts import count_codes, list_differences, list_page, total

__all__ = ["count_codes", "list_differences", "list_page", "total"]
