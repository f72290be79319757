"""Every command in the README and the guides is run, or stands in a list with the test that runs it or the reason why not."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from build_tools.layout import ROOT
from deploy.local.hub import Hub
from tests.contract.test_reference import assert_command
from tests.e2e.docs.guide import COMMANDS, blocks, run

# Whole documents, in their order, against the hub that all tests share, and what has to be in what they print.
RUN = {
    "docs/api.md": ("usav.sync.v1.SyncService", "STATUS_FORBIDS", "\n401\n", "resume_token"),
    "docs/operations.md": ("migrations of inventory", "findings", " OK"),
}
# Commands elsewhere: the beginning, and where they are run or why they are not.
ELSEWHERE = {
    "make run": "tests/e2e/deploy/test_run.py",
    "make test": "this is what runs the tests",
    "make mutations": "it runs the tests, too",
    "make bench": "tests/integration/bench/test_whole_run.py",
    "make demo": "tests/e2e/hubctl/test_demo.py",
    ".venv/bin/hubctl import": "tests/e2e/hubctl/test_commands.py",
    ".venv/bin/hubctl export": "tests/e2e/hubctl/test_commands.py",
    ".venv/bin/hubctl price": "tests/e2e/hubctl/test_commands.py",
    ".venv/bin/hubctl receive": "tests/e2e/hubctl/test_commands.py",
    ".venv/bin/hubctl status": "tests/e2e/hubctl/test_commands.py",
    ".venv/bin/hubctl sign-in": "tests/e2e/hubctl/test_signing_in.py",
    ".venv/bin/hubctl move": "tests/e2e/hubctl",
    ".venv/bin/hubctl return": "tests/e2e/hubctl",
    ".venv/bin/hubctl scan": "tests/e2e/hubctl",
    ".venv/bin/hubctl backup": "tests/integration/backup",
    "hubctl backup": "tests/integration/backup",
    "curl -d 'username": "docs/api.md has it, and is run",
    "curl -X POST": "tests/e2e/catalog/test_import.py, over JSON",
    "curl --cacert": "tests/e2e/attacks/test_encryption.py",
    "python -m sandbox": "tests/integration/sandbox",
    "export ": "a setting, not a command",
    "HUB_TLS_CERT": "tests/e2e/attacks/test_encryption.py",
    "HUB_STATE_DIR": "tests/integration/backup",
    "docker ": "no container runtime where the tests run; tests/unit/deploy checks what can be checked without",
    "curl http://127.0.0.1:8000/health": "docs/operations.md has it, and is run",
    "make ha": "the long test of the failover does what it does",
    "python -m deploy.ha": "the same",
    "kubectl ": "no cluster where the tests run",
    "git clone": "there is no address to clone from",
}
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/runbooks").glob("*.md"))]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="takes curl and jq, as its readers need")
@pytest.mark.parametrize("name", RUN)
async def test_a_guide_does_what_it_says(hub: Hub, tmp_path: Path, name: str) -> None:
    script = "\n".join(block.text for block in blocks(ROOT / name))
    ran = await asyncio.to_thread(run, script, hub, tmp_path)
    assert ran.returncode == 0, f"{ran.stderr[-3000:]}\n{ran.stdout[-1500:]}"
    for told in RUN[name]:
        assert told in ran.stdout


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_no_command_is_told_that_nothing_runs(guide: Path) -> None:
    if str(guide.relative_to(ROOT)) in RUN:
        return
    for block in blocks(guide):
        for line in block.text.replace("\\\n", " ").splitlines():
            command = line.split("  #")[0].strip()
            if command.startswith(COMMANDS):  # what else stands there is what one prints
                assert command.startswith(tuple(ELSEWHERE)), f"{command!r}: run it here, or say in ELSEWHERE what does"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_commands_and_targets_that_are_named_exist(guide: Path) -> None:
    text = guide.read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    for words in re.findall(r"(?:`|^    )(?:\.venv/bin/)?hubctl ((?:--json )?[a-z][^`\n#]*)", text, re.M):
        assert_command([word for word in words.split() if re.fullmatch(r"-{0,2}[a-z-]+", word)], whole=False)


def test_where_commands_are_run_there_are_tests() -> None:
    for place in ELSEWHERE.values():
        if place.startswith("tests/"):
            assert (ROOT / place.partition(",")[0]).exists(), place
