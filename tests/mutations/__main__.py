"""Takes each guard away in a copy of the tree and runs the tests there: `python -m tests.mutations [--record] [words...]`.

Ends with 1 when a guard can be taken away and nothing fails. With --record the table in docs/testing.md is written anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.guards import GUARDS, Guard

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = ("tests/unit/inventory", "tests/integration/inventory", "tests/property/inventory")
RECORD = ROOT / "docs" / "testing.md"
_BEGIN, _END = "<!-- mutations -->", "<!-- end of mutations -->"
_FAILED = re.compile(r"^(?:FAILED|ERROR) tests/\S*?(\w+)\.py::(\w+)", re.MULTILINE)
_SOME_FAILED = 1
_SECONDS = 900


@dataclass(frozen=True)
class Verdict:
    """The first test that failed without the guard; empty when none did."""

    guard: Guard
    test: str


@contextmanager
def scratch_tree() -> Iterator[Path]:
    """A copy of the tree as it is, with the same interpreter and generated code."""
    with tempfile.TemporaryDirectory(prefix="hub-mutations-") as folder:
        tree = Path(folder) / "tree"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        shutil.copytree(ROOT / "gen", tree / "gen")
        yield tree


def judge(tree: Path, guard: Guard) -> Verdict:
    """Takes the guard away, runs the tests, and puts it back. Raises SystemExit when the tree is not as the guard says."""
    path = tree / guard.file
    whole = path.read_text()
    if whole.count(guard.old) != 1:
        raise SystemExit(f"{guard.name}: {guard.old!r} stands {whole.count(guard.old)} times in {guard.file}, not once")
    path.write_text(whole.replace(guard.old, guard.new))
    try:
        return Verdict(guard, first_failure(tree, guard.tests) or first_failure(tree, SUITE))
    finally:
        path.write_text(whole)


def first_failure(tree: Path, tests: Sequence[str]) -> str:
    """The first test that fails; empty when all pass. Raises SystemExit when they cannot be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not long", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, timeout=_SECONDS, check=False, env=dict(os.environ)
    )
    found = _FAILED.search(ran.stdout)
    if ran.returncode not in (0, _SOME_FAILED) or (ran.returncode == _SOME_FAILED and found is None):
        raise SystemExit(f"the tests cannot be run:\n{ran.stdout[-3000:]}{ran.stderr[-1000:]}")
    return f"{found[1]}: {found[2].removeprefix('test_').replace('_', ' ')}" if found else ""


def record(verdicts: Sequence[Verdict]) -> None:
    """Writes the table into docs/testing.md."""
    rows = [f"| {one.guard.name} | {one.test or '**nothing**'} |" for one in verdicts]
    table = "\n".join(["| Without | fails first |", "|---|---|", *rows])
    page = RECORD.read_text()
    before, after = page.partition(_BEGIN)[0], page.partition(_END)[2]
    RECORD.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}")


def main() -> int:
    """How many guards can be taken away without a test failing, as an exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose name has one of these words")
    parser.add_argument("--record", action="store_true", help="write the table in docs/testing.md")
    asked = parser.parse_args()
    chosen = [guard for guard in GUARDS if not asked.words or any(word in guard.name for word in asked.words)]
    verdicts = []
    with scratch_tree() as tree:
        for guard in chosen:
            verdicts.append(judge(tree, guard))
            print(f"{'caught' if verdicts[-1].test else 'MISSED':7} {guard.name}: {verdicts[-1].test}", flush=True)
    if asked.record:
        record(verdicts)
    return int(not all(one.test for one in verdicts))


if __name__ == "__main__":
    raise SystemExit(main())
