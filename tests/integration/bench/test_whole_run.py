"""Every part of the benchmark at its tiny scale: it runs, and every row has its numbers. What they are is not judged."""

import pytest

from bench.__main__ import PARTS, measure
from bench.stage import TINY

# A hub each: the marketplaces' quotas, which the second group keeps to, are used up by the sales of the first.
SYNC = ["channels", "drain", "drift", "reprice", "pages", "idle"]
OTHERS = [name for name in PARTS if name not in SYNC]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("names", "judged_rows"), [(OTHERS, 9), (SYNC, 6)], ids=["stock and reads", "channels"])
async def test_every_part_runs_and_fills_its_table(
    capsys: pytest.CaptureFixture[str], names: list[str], judged_rows: int
) -> None:
    sections = await measure(names, TINY)
    assert len(sections) == len(names)
    for section in sections:
        assert section.rows
        assert all(row.measured for row in section.rows)
    judged = [row for section in sections for row in section.rows if row.reached is not None]
    assert len(judged) >= judged_rows
    assert sections[0].title in capsys.readouterr().out
