"""Any order of refreshes, retries, thefts and waits against a model of who holds which token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auth_svc.domain.session import RETRY_GRACE, RefreshToken, RefreshVerdict, Session, judge_refresh
from auth_svc.domain.user import Role

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(days=14)
SESSION_LIFETIME = timedelta(days=60)


class RefreshLine(RuleBasedStateMachine):
    """Tokens are numbers: the successor of n is n + 1. `used` and `expires` are what the database would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.ended_at: datetime | None = None
        self.expires = [START + LIFETIME]
        self.used: list[datetime | None] = [None]

    @rule(seconds=st.one_of(st.integers(0, 30), st.integers(0, 40 * 86_400)))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(back=st.integers(0, 4))
    def show(self, back: int) -> None:
        """Shows the newest token, or one up to four exchanges old."""
        number = max(0, len(self.used) - 1 - back)
        verdict = self._judge(number)
        alive = self.ended_at is None and self.now < START + SESSION_LIFETIME
        if verdict is RefreshVerdict.ROTATE:
            assert alive
            assert number == len(self.used) - 1
            self._exchange(number)
        elif verdict is RefreshVerdict.REPEAT:
            assert alive
            assert number == len(self.used) - 2
            used_at = self.used[number]
            assert used_at is not None
            assert self.now - used_at <= RETRY_GRACE
        elif verdict is RefreshVerdict.STOLEN:
            assert alive
            assert number < len(self.used) - 1
            self.ended_at = self.now
        else:
            assert not alive or self.expires[number] <= self.now

    @invariant()
    def one_token_at_most_is_unused(self) -> None:
        assert sum(moment is None for moment in self.used) == 1
        assert self.used[-1] is None

    def _judge(self, number: int) -> RefreshVerdict:
        session = Session("s", 1, "maria", Role.SALES_REP, True, START + SESSION_LIFETIME, self.ended_at)
        successor = self._token(number + 1) if number + 1 < len(self.used) else None
        return judge_refresh(session, self._token(number), successor, self.now)

    def _token(self, number: int) -> RefreshToken:
        return RefreshToken(self.expires[number], self.used[number])

    def _exchange(self, number: int) -> None:
        self.used[number] = self.now
        self.used.append(None)
        self.expires.append(min(self.now + LIFETIME, START + SESSION_LIFETIME))


TestRefreshLine = RefreshLine.TestCase
TestRefreshLine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
