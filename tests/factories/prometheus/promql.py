"""A subset of PromQL: selectors, rate and increase, sums by labels, quantiles, arithmetic, comparisons and set operators."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.factories.prometheus.scrape import Labels, Series

Vector = dict[Labels, float]
Value = Vector | float
Expression = Callable[["Moment"], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w\[])|(?P<name>[a-zA-Z_:][\w:]*)|(?P<text>\"(?:[^\"\\]|\\.)*\")"
    r"|\[(?P<window>\d+[smhd])\]|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/()<>{},=]))"
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPUTE: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
}
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "avg": lambda values: sum(values) / len(values),
    "count": len,
}
# Weakest first.
_LEVELS: tuple[tuple[str, ...], ...] = (("or",), ("and", "unless"), tuple(_COMPARE), ("+", "-"), ("*", "/"))


class Unsupported(Exception):
    """The expression uses what this subset does not have, or is wrong."""


@dataclass(frozen=True)
class Moment:
    """What is known, and when it is asked."""

    series: Series
    at: float
    clock: float = 0.0
    """What time() answers: seconds since 1970, which `at` need not be."""


def evaluate(text: str, moment: Moment) -> Vector:
    """The expression's rows at that moment. Raises Unsupported."""
    value = parse(text)(moment)
    return value if isinstance(value, dict) else {frozenset(): value}


def metrics_of(text: str) -> set[str]:
    """The names of the series that an expression reads. Raises Unsupported."""
    reader = _Reader(text)
    reader.whole()
    return reader.metrics


def labels_of(text: str) -> dict[str, set[str]]:
    """The labels that an expression asks each of its series for."""
    reader = _Reader(text)
    reader.whole()
    return reader.asked


def parse(text: str) -> Expression:
    """The expression, ready to evaluate. Raises Unsupported."""
    return _Reader(text).whole()


class _Reader:
    """Reads an expression by precedence."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._place = 0
        self.metrics: set[str] = set()
        self.asked: dict[str, set[str]] = {}

    def whole(self) -> Expression:
        found = self._level(0)
        if self._peek():
            raise Unsupported(f"{self._peek()!r} in {self._text!r}")
        return found

    def _level(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._single()
        left = self._level(level + 1)
        while (sign := self._peek()) in _LEVELS[level]:
            self._place += 1
            left = _binary(sign, left, self._level(level + 1))
        return left

    def _single(self) -> Expression:
        kind, token = self._next()
        if kind == "number":
            number = float(token)
            return lambda _: number
        if token == "(":
            inner = self._level(0)
            self._expect(")")
            return inner
        if kind != "name":
            raise Unsupported(f"{token!r} in {self._text!r}")
        if token in _AGGREGATES:
            return self._aggregate(token)
        if token in {"rate", "increase"}:
            return self._growth(token)
        if token == "time":
            self._expect("(")
            self._expect(")")
            return lambda moment: moment.clock
        if token == "histogram_quantile":
            return self._quantile()
        return self._selector(token)

    def _aggregate(self, name: str) -> Expression:
        by = self._by()
        self._expect("(")
        inner = self._level(0)
        self._expect(")")
        by = by or self._by()
        return lambda moment: _grouped(inner(moment), by, _AGGREGATES[name])

    def _by(self) -> tuple[str, ...]:
        if self._peek() != "by":
            return ()
        self._place += 1
        self._expect("(")
        names = []
        while self._peek() != ")":
            names.append(self._next()[1])
            if self._peek() == ",":
                self._place += 1
        self._expect(")")
        return tuple(names)

    def _growth(self, name: str) -> Expression:
        self._expect("(")
        metric, matches = self._named(self._next()[1])
        kind, window = self._next()
        if kind != "window":
            raise Unsupported(f"{name} needs a window in {self._text!r}")
        self._expect(")")
        seconds = float(window[:-1]) * _UNITS[window[-1]]
        return lambda moment: {
            labels: grown if name == "increase" else grown / seconds_
            for labels, points in moment.series.points.get(metric, {}).items()
            if matches(labels) and (change := _change(points, moment.at, seconds)) is not None
            for grown, seconds_ in (change,)
        }

    def _quantile(self) -> Expression:
        self._expect("(")
        share = float(self._next()[1])
        self._expect(",")
        inner = self._level(0)
        self._expect(")")
        return lambda moment: _quantiles(share, inner(moment))

    def _selector(self, name: str) -> Expression:
        metric, matches = self._named(name)
        return lambda moment: {
            labels: points[-1][1]
            for labels, points in moment.series.points.get(metric, {}).items()
            if matches(labels) and points[-1][0] == _last_scrape(moment)
        }

    def _named(self, name: str) -> tuple[str, Callable[[Labels], bool]]:
        self.metrics.add(name)
        checks: list[Callable[[dict[str, str]], bool]] = []
        if self._peek() == "{":
            self._place += 1
            while self._peek() != "}":
                label, sign, text = self._next()[1], self._next()[1], self._next()[1][1:-1]
                self.asked.setdefault(name, set()).add(label)
                checks.append(_check(label, sign, text.replace("\\\\", "\\")))
                if self._peek() == ",":
                    self._place += 1
            self._expect("}")
        return name, lambda labels: all(check(dict(labels)) for check in checks)

    def _peek(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise Unsupported(f"{self._text!r} ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, sign: str) -> None:
        if self._next()[1] != sign:
            raise Unsupported(f"{sign!r} is missing in {self._text!r}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise Unsupported(f"{text[place:]!r}")
        yield str(found.lastgroup), found.group(str(found.lastgroup))
        place = found.end()


def _check(label: str, sign: str, text: str) -> Callable[[dict[str, str]], bool]:
    checks: dict[str, Callable[[str], bool]] = {
        "=": lambda value: value == text,
        "!=": lambda value: value != text,
        "=~": lambda value: re.fullmatch(text, value) is not None,
        "!~": lambda value: re.fullmatch(text, value) is None,
    }
    if sign not in checks:
        raise Unsupported(f"{label}{sign}")
    return lambda labels: checks[sign](labels.get(label, ""))


def _last_scrape(moment: Moment) -> float:
    """What a target no longer tells at its last scrape is gone."""
    return max((points[-1][0] for points in moment.series.points.get("up", {}).values()), default=moment.at)


def _change(points: list[tuple[float, float]], at: float, window: float) -> tuple[float, float] | None:
    inside = [point for point in points if at - window <= point[0] <= at]
    if len(inside) < 2:
        return None
    grown, before = 0.0, inside[0][1]
    for _, value in inside[1:]:
        grown += value - before if value >= before else value  # a counter that fell began anew
        before = value
    return grown, inside[-1][0] - inside[0][0]


def _grouped(value: Value, by: tuple[str, ...], fold: Callable[[list[float]], float]) -> Vector:
    if isinstance(value, float):
        raise Unsupported("a number cannot be grouped")
    groups: dict[Labels, list[float]] = {}
    for labels, number in value.items():
        groups.setdefault(frozenset(pair for pair in labels if pair[0] in by), []).append(number)
    return {labels: float(fold(numbers)) for labels, numbers in groups.items()}


def _quantiles(share: float, value: Value) -> Vector:
    if isinstance(value, float):
        raise Unsupported("a quantile needs buckets")
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, number in value.items():
        bound = float(dict(labels)["le"].replace("+Inf", "inf"))
        groups.setdefault(frozenset(pair for pair in labels if pair[0] != "le"), []).append((bound, number))
    return {
        labels: _quantile_of(share, sorted(buckets)) for labels, buckets in groups.items() if max(n for _, n in buckets)
    }


def _quantile_of(share: float, buckets: list[tuple[float, float]]) -> float:
    wanted, lower, below = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * ((wanted - below) / (count - below) if count > below else 0)
        lower, below = bound, count
    return lower


def _binary(sign: str, left: Expression, right: Expression) -> Expression:
    def run(moment: Moment) -> Value:
        a, b = left(moment), right(moment)
        if sign in {"and", "or", "unless"}:
            return _sets(sign, a, b)
        if isinstance(a, float) and isinstance(b, float):
            if sign in _COMPARE:
                return {frozenset(): a} if _COMPARE[sign](a, b) else {}
            return _COMPUTE[sign](a, b)
        return _matched(sign, a, b)

    return run


def _sets(sign: str, a: Value, b: Value) -> Vector:
    if isinstance(a, float) or isinstance(b, float):
        raise Unsupported(f"{sign} takes rows")
    if sign == "or":
        return {**b, **a}
    return {labels: number for labels, number in a.items() if (labels in b) == (sign == "and")}


def _matched(sign: str, a: Value, b: Value) -> Vector:
    keys = a if isinstance(a, dict) else b
    assert isinstance(keys, dict)
    found: Vector = {}
    for labels in keys:
        one = a.get(labels) if isinstance(a, dict) else a
        other = b.get(labels) if isinstance(b, dict) else b
        if one is None or other is None:
            continue
        if sign not in _COMPARE:
            found[labels] = _COMPUTE[sign](one, other)
        elif _COMPARE[sign](one, other):
            found[labels] = one if isinstance(a, dict) else other
    return found
