"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

OK, WARN, FAIL, SKIPPED = "OK", "WARN", "FAIL", "SKIPPED"
WORST_FIRST = (FAIL, WARN, SKIPPED, OK)


@dataclass(frozen=True)
class Finding:
    """One answer of a check: what was looked at, how it stands, what was seen, and what to do when it is not well."""

    check: str
    state: str
    seen: str
    todo: str = ""


Check = Callable[[], Iterable[Finding]]


def well(check: str, seen: str) -> Finding:
    """All is as it should be."""
    return Finding(check, OK, seen)


def judged(check: str, seen: str, todo: str, *, warn: bool = False, fail: bool = False) -> Finding:
    """WARN or FAIL with what to do when so, else OK."""
    state = FAIL if fail else WARN if warn else OK
    return Finding(check, state, seen, todo if state != OK else "")


def skipped(check: str, why: str) -> Finding:
    """It could not be looked at; `why` says what that takes."""
    return Finding(check, SKIPPED, why)


def run(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Every finding of every check. A check that breaks is a finding, too, and keeps no other from being made."""
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            yield Finding(name, FAIL, f"could not be checked: {said[0]}", "Mend what the message says, then ask again.")
