"""The whole benchmark at its tiny scale, all parts on one hub: it runs, and every row has its numbers, whatever they are."""

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
    assert len(judged) >= 15
    (over_quota,) = [row for row in judged if row.what == "calls over quota"]
    assert over_quota.reached, "the drift pass began with the quotas of both sides as they are published"
    assert sections[0].title in capsys.readouterr().out
