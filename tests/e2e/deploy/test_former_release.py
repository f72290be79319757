"""The former release's code, judged by its own tests, works on the schema that the present migrations make.

That is the state in the middle of a roll-out, and after one that is taken back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build_tools import former_release
from build_tools.layout import ROOT
from tests.factories.folders import scratch_folder

_SECONDS = 1500
# What judges the services by what they do. Tests that count statements, look at query plans or race for minutes say nothing here.
_TESTS = (
    "tests/integration/auth",
    "tests/integration/catalog",
    "tests/integration/inventory",
    "tests/integration/sync",
    "tests/e2e/auth",
    "tests/e2e/catalog",
    "tests/e2e/inventory",
)
_LEFT_OUT = ("tests/integration/inventory/test_crowd.py", "tests/integration/sync/test_storms.py")


@pytest.mark.long
@pytest.mark.timeout(_SECONDS + 60)
def test_the_former_release_passes_its_tests_on_the_present_schema() -> None:
    commit = former_release.former_release()
    if commit is None:
        pytest.skip("the history of this copy does not reach back to the former release")
    with scratch_folder() as folder:
        former_release.unpack(commit, folder)
        plugin = folder / "present_schema.py"
        shutil.copy(ROOT / "tests" / "factories" / "former_release.py", plugin)
        environment = {
            **os.environ,
            "HUB_PRESENT_CODE": str(ROOT),
            "PYTHONPATH": os.pathsep.join((str(folder), str(folder / "gen"))),
        }
        run(folder, environment, "-m", "build_tools.protos")
        ignored = [f"--ignore={path}" for path in _LEFT_OUT]
        options = ["-q", "-p", "present_schema", "-m", "not long", "-p", "no:cacheprovider", "--maxfail", "20"]
        run(folder, environment, "-m", "pytest", *options, *ignored, *_TESTS)


def run(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
