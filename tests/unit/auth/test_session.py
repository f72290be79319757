"""What a refresh token that is shown is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth_svc.domain.session import RETRY_GRACE, RefreshToken, RefreshVerdict, Session, judge_refresh
from auth_svc.domain.user import Role

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SESSION = Session("s", 7, "maria", Role.SALES_REP, True, NOW + timedelta(days=1), None)
FRESH = RefreshToken(NOW + timedelta(hours=1), None)
SECOND = timedelta(seconds=1)


def used(ago: timedelta) -> RefreshToken:
    return RefreshToken(NOW + timedelta(hours=1), NOW - ago)


def test_an_unused_token_is_exchanged() -> None:
    assert judge_refresh(SESSION, FRESH, None, NOW) is RefreshVerdict.ROTATE


def test_a_token_used_a_moment_ago_gets_the_same_answer_again() -> None:
    assert judge_refresh(SESSION, used(RETRY_GRACE), FRESH, NOW) is RefreshVerdict.REPEAT


def test_a_token_used_by_a_replica_whose_clock_runs_ahead_gets_the_same_answer_again() -> None:
    assert judge_refresh(SESSION, used(-SECOND), FRESH, NOW) is RefreshVerdict.REPEAT


def test_a_token_used_before_the_grace_is_stolen() -> None:
    assert judge_refresh(SESSION, used(RETRY_GRACE + SECOND), FRESH, NOW) is RefreshVerdict.STOLEN


@pytest.mark.parametrize("successor", [None, used(SECOND)])
def test_a_used_token_whose_successor_is_used_or_gone_is_stolen_even_within_the_grace(
    successor: RefreshToken | None,
) -> None:
    assert judge_refresh(SESSION, used(SECOND), successor, NOW) is RefreshVerdict.STOLEN


@pytest.mark.parametrize(
    "session",
    [replace(SESSION, ended_at=NOW), replace(SESSION, expires_at=NOW), replace(SESSION, user_is_active=False)],
)
def test_nothing_is_exchanged_in_a_session_that_ended_expired_or_whose_user_is_deactivated(session: Session) -> None:
    assert judge_refresh(session, FRESH, None, NOW) is RefreshVerdict.REFUSE


def test_an_expired_token_is_refused_without_ending_the_session() -> None:
    assert judge_refresh(SESSION, RefreshToken(NOW, None), None, NOW) is RefreshVerdict.REFUSE
