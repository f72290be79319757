"""What can go wrong with backups, told so that an operator knows what to do."""

from __future__ import annotations


class BackupError(Exception):
    """The text says what is wrong and what to do."""


class BackupDamaged(BackupError):
    """A backup, or a file of it, is not what was written."""


class BackupRefused(BackupError):
    """Nothing was changed; the text says what the request lacks."""
