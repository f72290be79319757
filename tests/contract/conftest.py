"""What the contract tests look at: the protos as they are now, compiled anew when they have changed."""

from __future__ import annotations

import pytest

from build_tools import descriptors, protos
from build_tools.descriptors import Hub


@pytest.fixture(scope="session")
def hub() -> Hub:
    protos.ensure_generated()
    return descriptors.load()
