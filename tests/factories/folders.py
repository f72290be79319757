"""Folders for what Postgres has to reach, which when started as root runs as another user.

pytest's own are no good for it: every session that starts makes their common parent private again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hub-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
