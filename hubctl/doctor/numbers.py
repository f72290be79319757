"""What the processes tell of themselves at /metrics, judged by the bounds of the alert rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from hubctl.doctor.finding import Check, Finding, judged, skipped

Samples = Mapping[str, list[tuple[Mapping[str, str], float]]]


@dataclass(frozen=True)
class Bound:
    """A metric and the value from which on it is not well; `runbook` says what to do."""

    metric: str
    is_bad: Callable[[float], bool]
    seen: str
    runbook: str


_BOUNDS = (
    Bound("hub_trust_following", lambda value: value == 0, "does not follow auth's ended sessions", "HubTrustLost"),
    Bound("hub_outbox_unsettled_seconds", lambda value: value > 30, "changes wait for {value:.0f} s", "HubFeedStuck"),
    Bound("hub_feed_behind_seconds", lambda value: value > 60, "heard {value:.0f} s ago", "HubFeedBehind"),
    Bound("hub_holds_overdue", lambda value: value > 0, "{value:.0f} ended holds not tidied", "HubHoldsNotTidied"),
    Bound("hub_passwords_waiting", lambda value: value > 20, "{value:.0f} sign-ins wait", "HubPasswordsQueue"),
    Bound("hub_sign_in_alarms", lambda value: value > 0, "passwords are being guessed", "HubSignInAlarm"),
    Bound("hub_unforeseen_errors_total", lambda value: value > 0, "{value:.0f} since its start", "HubUnforeseenErrors"),
)


class NumberChecks:
    """Checks of what `targets`, process to address, tell."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = targets

    def all(self) -> list[tuple[str, Check]]:
        """One per process, and what takes more than one number."""
        if not self._targets:
            return [("metrics", _nobody_tells)]
        return [(f"metrics of {process}", self._of(process)) for process in self._targets if process != "gateway"]

    def _of(self, process: str) -> Check:
        def check() -> Iterator[Finding]:
            samples = read(self._targets[process])
            yield from _judge(process, samples)
            yield from _key(process, samples)
            yield _backlog(process, samples)

        return check


def _nobody_tells() -> Iterator[Finding]:
    yield skipped("metrics", "no address is known; name them with --metrics (HUB_METRICS_PORT of each service)")


def read(url: str) -> Samples:
    """Every sample of one process by name. Raises httpx2.HTTPError."""
    answer = httpx2.get(url, timeout=5)
    answer.raise_for_status()
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def _judge(process: str, samples: Samples) -> Iterator[Finding]:
    for bound in _BOUNDS:
        for labels, value in samples.get(bound.metric, ()):
            told = " ".join(labels.values())
            name = f"{process}: {bound.metric}" + (f" {told}" if told else "")
            if bound.is_bad(value):
                yield judged(name, bound.seen.format(value=value), f"Runbook {bound.runbook}.", warn=True)


def _key(process: str, samples: Samples) -> Iterator[Finding]:
    ages, limits = samples.get("hub_signing_key_age_seconds"), samples.get("hub_signing_key_rotation_seconds")
    if not ages or not limits:
        return
    age, limit = ages[0][1], limits[0][1]
    seen = f"the signing key signs for {age / 86_400:.0f} of {limit / 86_400:.0f} days"
    yield judged("signing key", seen, "`hubctl keys rotate`; runbook HubSigningKeyOld.", warn=age > limit + 86_400)


def _backlog(process: str, samples: Samples) -> Finding:
    """Calls under way and connections in use, as one line per process."""
    calls = sum(value for _, value in samples.get("hub_rpc_under_way", ()))
    pools = {labels["pool"]: {} for labels, _ in samples.get("hub_pool_connections", ())}  # type: dict[str, dict[str, float]]
    for labels, value in samples.get("hub_pool_connections", ()):
        pools[labels["pool"]][labels["state"]] = value
    full = [name for name, states in pools.items() if states["used"] >= states["most"] > 0]
    seen = f"{calls:.0f} calls under way, " + (
        f"no connection left in {', '.join(full)}" if full else "connections free"
    )
    return judged(f"{process}: room", seen, "Runbook HubPoolExhausted.", warn=bool(full))
