"""What readers hand to converters: one row by column name, whichever driver it came from."""

from __future__ import annotations

from typing import Any, Protocol


class Row(Protocol):
    """A row of a noun's shape."""

    def __getitem__(self, key: str, /) -> Any:
        """The value of a column."""
