"""The words of the change feed: what kind of thing changed, and how."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What was changed."""

    FAMILY = "FAMILY"
    IDENTITY = "IDENTITY"
    VARIANT = "VARIANT"
    BUNDLE_COMPONENT = "BUNDLE_COMPONENT"
    BRAND = "BRAND"
    COLOR = "COLOR"
    CONDITION = "CONDITION"
    SIZE = "SIZE"
    LCI_DEFINITION = "LCI_DEFINITION"


class Action(StrEnum):
    """What happened to it."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
