"""Every part of the benchmark at its tiny scale: it runs, and every row has its numbers. What they are is not judged."""

import pytest

from bench.__main__ import PARTS, measure
from bench.stage import TINY


@pytest.mark.timeout(300)
async def test_every_part_runs_and_fills_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    sections = await measure(list(PARTS), TINY)
    assert len(sections) == len(PARTS)
    for section in sections:
        assert section.rows
        assert all(row.measured for row in section.rows)
    judged = [row for section in sections for row in section.rows if row.reached is not None]
    assert len(judged) >= 9
    assert "GetVariantBySku" in capsys.readouterr().out
