"""`python -m bench [--only PART] [--write]`: exits 1 when a bar was missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.parts import (
    channels,
    drain,
    drift,
    idle,
    imports,
    pages,
    read,
    receive,
    reprice,
    reserve,
    sales,
    scale,
    signin,
)
from bench.report import Section, as_markdown, as_text, write_between_marks
from bench.stage import TINY, Scale, Stage, raised

PARTS: dict[str, Callable[[Stage], Awaitable[Section]]] = {
    "read": read.run,
    "reserve": reserve.run,
    "receive": receive.run,
    "sales": sales.run,
    "scale": scale.run,
    "signin": signin.run,
    "channels": channels.run,
    "drain": drain.run,
    "drift": drift.run,
    "reprice": reprice.run,
    "pages": pages.run,
    "idle": idle.run,
    # The last: the hub lists what it imports for many minutes, within the marketplaces' quotas.
    "import": imports.run,
}
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the hub; prints ratios.")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part (may be repeated)")
    parser.add_argument("--tiny", action="store_true", help="a few seconds, to see that it works; numbers mean nothing")
    parser.add_argument("--write", action="store_true", help="put the results into docs/performance.md")
    arguments = parser.parse_args()
    sections = asyncio.run(measure(arguments.only or list(PARTS), TINY if arguments.tiny else Scale()))
    if arguments.write:
        write_between_marks(_PAGE, f"Measured on {datetime.now(UTC):%Y-%m-%d}.\n\n{as_markdown(sections)}")
    missed = [row.what for section in sections for row in section.rows if row.reached is False]
    print("every bar reached" if not missed else f"missed: {'; '.join(missed)}")
    return 1 if missed else 0


async def measure(names: Sequence[str], scale: Scale) -> list[Section]:
    """Runs the parts one after the other on one hub, printing each as it is done."""
    sections = []
    async with raised(scale) as stage:
        for name in names:
            began = time.monotonic()
            section = await PARTS[name](stage)
            print(as_text(section), flush=True)
            print(f"  ({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
            sections.append(section)
    return sections


if __name__ == "__main__":
    sys.exit(main())
