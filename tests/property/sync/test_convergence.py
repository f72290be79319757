"""Whatever happens to stock, marketplace and workers, after it the marketplace shows what is true.

Random storms of sales, restocks, refusals, unanswered pushes and killed workers run on a model of the listing rows; the rules
of leasing, recording and fencing are those of the SQL, and the planner is the real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sync_svc.domain.order import Line, OrderReason, in_trouble, verdict
from sync_svc.domain.rules import Rules
from sync_svc.planner import shown_quantity


@dataclass
class Push:
    """A push under way: what it was leased for, and the number it carries."""

    token: int
    generation: int
    quantity: int


@dataclass
class Row:
    """One listing's row."""

    desired: int = 1
    synced: int = 0
    lease: int | None = None
    pushes: list[Push] = field(default_factory=list)


class Convergence(RuleBasedStateMachine):
    """One listing, one shelf, any number of workers; time outlives leases whenever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.free = 5
        self.shown: int | None = None
        self.row = Row()
        self.tokens = 0

    @rule(change=st.integers(-3, 5))
    def stock_changes(self, change: int) -> None:
        self.free = max(0, self.free + change)
        self.row.desired += 1

    @rule()
    def worker_takes(self) -> None:
        if self.row.lease is None and self.row.desired > self.row.synced:
            self.tokens += 1
            self.row.lease = self.tokens
            self.row.pushes.append(Push(self.tokens, self.row.desired, shown_quantity(self.free, Rules())))

    @rule()
    def lease_ends(self) -> None:
        self.row.lease = None

    @rule(place=st.integers(0, 5))
    def push_lands_and_is_recorded(self, place: int) -> None:
        if self.row.pushes:
            push = self.row.pushes.pop(place % len(self.row.pushes))
            self.shown = push.quantity
            self._record(push)

    @rule(place=st.integers(0, 5))
    def push_is_refused(self, place: int) -> None:
        if self.row.pushes:
            push = self.row.pushes.pop(place % len(self.row.pushes))
            if self.row.lease == push.token:
                self.row.lease = None

    def _record(self, push: Push) -> None:
        if self.row.lease == push.token:
            self.row.lease = None
            self.row.synced = push.generation
        else:
            # Lost to another worker: what was sent may have landed last, so it is queued again.
            self.row.desired += 1

    @invariant()
    def synced_is_never_ahead(self) -> None:
        assert self.row.synced <= self.row.desired

    @invariant()
    def synced_row_without_pushes_under_way_shows_the_truth(self) -> None:
        if self.row.synced == self.row.desired and not self.row.pushes:
            assert self.shown == self.free

    def teardown(self) -> None:
        """When the storm is over, everything under way ends and one worker goes on."""
        while self.row.pushes:
            self.push_lands_and_is_recorded(0)
        self.row.lease = None
        for _ in range(3):
            self.worker_takes()
            self.push_lands_and_is_recorded(0)
        assert self.shown == self.free


TestConvergence = Convergence.TestCase


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_shown_quantity_never_exceeds_what_is_free(free: int, buffer: int, cap: int) -> None:
    shown = shown_quantity(free, Rules(buffer_units=buffer, cap_units=cap))
    assert 0 <= shown <= free
    assert cap == 0 or shown <= cap
    assert shown == 0 or shown <= free - buffer


@given(st.lists(st.booleans(), max_size=6), st.booleans())
@settings(max_examples=50)
def test_an_order_with_any_line_in_trouble_needs_a_person(troubles: list[bool], paid: bool) -> None:
    lines = [Line(str(place), "S", "", 1, None, "USD") for place in range(len(troubles))]
    judged = [
        in_trouble(line, OrderReason.OUT_OF_STOCK, "x") if trouble else line
        for line, trouble in zip(lines, troubles, strict=True)
    ]
    status, reason, _ = verdict(judged, paid=paid, cancelled=False)
    assert (status == "NEEDS_ATTENTION") is any(troubles)
    assert (reason is not None) is any(troubles)
