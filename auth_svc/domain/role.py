"""What somebody may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Everybody has exactly one."""

    ADMIN = "ADMIN"
    WAREHOUSE_OP = "WAREHOUSE_OP"
    SALES_REP = "SALES_REP"
    SYSTEM_BOT = "SYSTEM_BOT"
