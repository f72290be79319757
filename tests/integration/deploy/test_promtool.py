"""Prometheus's own tool finds nothing wrong with what it is given, where that tool is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local.settings import ROOT

OBSERVABILITY = ROOT / "deploy" / "observability"


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("there is no `promtool` in the PATH; on Debian and Ubuntu it comes with the package prometheus")
    return found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """As it is, beside the rules; the list of a running hub's targets is not there yet."""
    shutil.copytree(OBSERVABILITY, tmp_path / "observability")
    return tmp_path / "observability" / "prometheus.yaml"


def said(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={"PATH": os.environ["PATH"]}
    )
    return done.returncode, done.stdout


def test_the_rules_are_right(promtool: str) -> None:
    status, output = said(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(OBSERVABILITY / "alerts.yaml"))
    assert status == 0, output


def test_the_configuration_is_right_and_finds_its_rules(promtool: str, config: Path) -> None:
    status, output = said(promtool, "check", "config", str(config))
    assert status == 0, output
    assert "1 rule files found" in output
