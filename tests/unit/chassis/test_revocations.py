"""The table of ended sessions: refuses theirs, nobody else's, and forgets what has expired."""

import time

import pytest

from chassis.context import Principal
from chassis.revocations import Revocations, TokenRevoked


def principal(session_id: str) -> Principal:
    return Principal("7", "ana", "ADMIN", session_id)


def test_an_ended_session_is_refused_and_no_other() -> None:
    revocations = Revocations()
    revocations.add(["s1", "s2"], time.time() + 60)
    for session_id in ("s1", "s2"):
        with pytest.raises(TokenRevoked):
            revocations.check(principal(session_id))
    revocations.check(principal("s3"))
    revocations.check(principal(""))


def test_what_has_expired_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    revocations = Revocations()
    revocations.add(["old"], time.time() - 1)
    monkeypatch.setattr("chassis.revocations._PRUNE_EVERY_SECONDS", 0.0)
    revocations.add(["new"], time.time() + 60)
    revocations.add([], time.time())
    assert len(revocations) == 1
