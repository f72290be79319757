"""Who is calling, and under which request id: one `Call` per rpc, carried by a context variable.

Background work has no caller; it says whom it acts as with `acting_as`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user or service account, as its access token tells."""

    user_id: str
    username: str
    role: str
    session_id: str = ""
    # What the caller's rows are bound to, by kind of thing. A kind that is not there is not bound.
    bounds: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)

    def bound(self, kind: str) -> frozenset[str] | None:
        """The things of that kind that the caller may act on; None: all of them."""
        return self.bounds.get(kind)


ANONYMOUS = Principal(user_id="", username="", role="")


@dataclass(slots=True)
class Call:
    """One rpc under way. `token` is the caller's access token, to be carried on to other services.

    `deadline` is on the clock of `time.monotonic`; None when the caller set none.
    """

    request_id: str
    method: str
    peer: str = ""
    principal: Principal = ANONYMOUS
    token: str = field(default="", repr=False)
    code: str = "OK"
    address: str = ""
    deadline: float | None = None
    trace_id: str = ""


_CALL: ContextVar[Call] = ContextVar("hub_call")


def new_request_id() -> str:
    """An id no other request has."""
    return secrets.token_hex(10)


def current_call() -> Call:
    """The call this task works for. Raises LookupError outside of one."""
    return _CALL.get()


def enter_call(call: Call) -> None:
    """Makes `call` the present one for this task."""
    _CALL.set(call)


@contextmanager
def acting_as(principal: Principal, method: str = "background") -> Iterator[Call]:
    """Runs background work under a name, so that history and logs tell who did it."""
    call = Call(request_id=new_request_id(), method=method, principal=principal)
    token = _CALL.set(call)
    try:
        yield call
    finally:
        _CALL.reset(token)
