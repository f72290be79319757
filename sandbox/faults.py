"""The one switchboard of faults: rules that say which calls or webhooks go wrong, how, and how often.

Rules are tried in the order they were set; the first that fires wins. A rule with a seed fires the same way every time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, cast

from sandbox.wire import Json

CALL_FAULTS = {
    "rate_limited": "429, with Retry-After when retry_after is given; not applied",
    "server_error": "500, or `status`; not applied",
    "server_error_after": "500, or `status`; applied",
    "timeout_before": "no answer for `seconds`, then the connection closes; not applied",
    "timeout_after": "the same, but applied",
    "reset_before": "the connection is cut; not applied",
    "reset_after": "the connection is cut; applied",
    "malformed_json": "the answer is cut in the middle; applied",
    "html_page": "an HTML page with `status` (502); not applied",
    "error_in_200": "status 200 with the platform's error body; not applied",
    "token_expired": "the access token used is forgotten: 401; not applied",
    "token_revoked": "the account's consent is withdrawn until the next reset; not applied",
    "slow": "answers after `seconds`; applied",
}
WEBHOOK_FAULTS = {
    "late": "sent after `seconds`, and dated `age_s` back",
    "doubled": "sent `times` (2) times",
    "dropped": "never sent",
    "forged": "a second message about something else with a wrong signature comes along",
    "reordered": "held until the next message has gone, or `seconds` (1) have passed",
}
LATER_FAULTS = {
    "accepted_then_failed": "Amazon accepts a change and finds an issue later; not applied",
    "feed_fatal": "an Amazon feed ends FATAL; half of it is applied",
}
KINDS = CALL_FAULTS | WEBHOOK_FAULTS | LATER_FAULTS


@dataclass(slots=True)
class FaultRule:
    """One rule. `count` None means every time; `skip` lets the first matches through."""

    kind: str
    platform: str = "*"
    account: str = "*"
    operation: str = "*"
    sku: str = ""
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int | None = None
    status: int = 0
    code: int = 0
    retry_after: int | None = None
    seconds: float | None = None
    age_s: float = 0.0
    times: int = 2
    rule_id: str = ""
    hits: int = 0
    _random: random.Random = field(init=False, repr=False, default_factory=random.Random)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(sorted(KINDS))}")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability: expected 0 to 1")
        self._random.seed(self.seed)

    def matches(self, platform: str, account: str, operation: str, text: str) -> bool:
        """Whether the rule is about this call."""
        return (
            fnmatchcase(platform, self.platform.upper())
            and fnmatchcase(account, self.account)
            and fnmatchcase(operation, self.operation)
            and (not self.sku or self.sku in text)
        )

    def fires(self) -> bool:
        """Draws the lot for a matching call and counts it."""
        if self.count is not None and self.hits >= self.count:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def wait_s(self, default: float) -> float:
        """`seconds`, or the default of the kind."""
        return default if self.seconds is None else self.seconds

    def as_json(self) -> Json:
        """The rule with its hits."""
        return {name: getattr(self, name) for name in self.__slots__ if not name.startswith("_")}


_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("kind", "platform", "account", "operation", "sku"), (str,)),
    **dict.fromkeys(("count", "skip", "seed", "status", "code", "retry_after", "times"), (int,)),
    **dict.fromkeys(("probability", "seconds", "age_s"), (int, float)),
}


def rule_from_json(document: Any) -> FaultRule:
    """Reads a rule. Raises ValueError naming the field."""
    if not isinstance(document, dict) or "kind" not in document:
        raise ValueError("kind: a fault needs one")
    for name, value in document.items():
        if name not in _TYPES:
            raise ValueError(f"{name}: unknown field")
        if value is not None and (isinstance(value, bool) or not isinstance(value, _TYPES[name])):
            raise ValueError(f"{name}: wrong type")
    given = {name: value for name, value in document.items() if value is not None}
    return FaultRule(**cast(dict[str, Any], given))


class Switchboard:
    """All rules now in force."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []
        self._ids = count(1)

    def add(self, rule: FaultRule) -> FaultRule:
        """Puts a rule in force."""
        rule.rule_id = f"fault-{next(self._ids)}"
        self.rules.append(rule)
        return rule

    def set(self, kind: str, **fields: Any) -> FaultRule:
        """The same from keywords, for tests that hold the sandbox in their own process."""
        return self.add(rule_from_json({"kind": kind, **fields}))

    def remove(self, rule_id: str) -> bool:
        """Lifts one rule; False when there is none of that id."""
        kept = [rule for rule in self.rules if rule.rule_id != rule_id]
        removed = len(kept) < len(self.rules)
        self.rules = kept
        return removed

    def clear(self) -> None:
        """Lifts all rules."""
        self.rules = []

    def pick_call(self, platform: str, account: str, operation: str, text: str = "") -> FaultRule | None:
        """The fault that this call meets, if any."""
        return self._pick(CALL_FAULTS, platform, account, operation, text)

    def pick_webhook(self, platform: str, account: str, event: str) -> FaultRule | None:
        """The fault that this webhook meets; its operation is `webhook.` and the event."""
        return self._pick(WEBHOOK_FAULTS, platform, account, f"webhook.{event}", "")

    def pick_later(
        self, platform: str, account: str, operation: str, text: str, *, kind: str = "accepted_then_failed"
    ) -> FaultRule | None:
        """The fault that work meets after it was accepted: `amazon.apply` of a SKU, `amazon.feed` of a feed."""
        return self._pick({kind: LATER_FAULTS[kind]}, platform, account, operation, text)

    def _pick(self, kinds: dict[str, str], platform: str, account: str, operation: str, text: str) -> FaultRule | None:
        for rule in self.rules:
            if rule.kind in kinds and rule.matches(platform, account, operation, text) and rule.fires():
                return rule
        return None
