"""Scrapes: the text format into samples, several scrapes into series over time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

_LINE = re.compile(r"(?P<name>[\w:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)( \d+)?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Labels = frozenset[tuple[str, str]]


@dataclass
class Series:
    """All that was scraped: per name and labels the values with their times."""

    points: dict[str, dict[Labels, list[tuple[float, float]]]] = field(default_factory=dict)

    def add(self, at: float, text: str, own: Mapping[str, str]) -> None:
        """Takes one scrape in; `own` are the labels that Prometheus itself gives."""
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = _sample(line)
                self.put(at, name, {**labels, **own}, value)

    def put(self, at: float, name: str, labels: Mapping[str, str], value: float) -> None:
        """Takes one value in. A label without a value is none."""
        key = frozenset((label, text) for label, text in labels.items() if text)
        self.points.setdefault(name, {}).setdefault(key, []).append((at, value))

    @property
    def names(self) -> set[str]:
        """Every name seen."""
        return set(self.points)


async def scrape(series: Series, at: float, targets: Mapping[str, str]) -> None:
    """Scrapes every target, process to address, as Prometheus does: `up` says whether it answered."""
    async with httpx2.AsyncClient(timeout=5) as client:
        for process, url in targets.items():
            own = {"job": "gateway" if process == "gateway" else "hub", "instance": process}
            try:
                answer = await client.get(url)
                answer.raise_for_status()
            except httpx2.HTTPError:
                series.put(at, "up", own, 0)
                continue
            series.put(at, "up", own, 1)
            series.add(at, answer.text, own)


def _sample(line: str) -> tuple[str, dict[str, str], float]:
    """One line of the text format, under the very name that stands there: libraries add `_total` where they miss it."""
    found = _LINE.fullmatch(line)
    assert found is not None, line
    return found["name"], dict(_LABEL.findall(found["labels"] or "")), float(found["value"])
