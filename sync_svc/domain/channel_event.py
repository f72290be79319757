"""One line of the audit trail of channels: who changed what of which, when and from where. Of secrets only their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sync_svc.domain.channel import Channel
from sync_svc.domain.rules import Rules

# What a person decides of a channel, without its rules and its secrets.
_PLAIN = ("display_name", "site", "api_base_url", "token_url", "options", "state")


class ChannelEventKind(StrEnum):
    """What happened."""

    CREATED = "CREATED"
    CHANGED = "CHANGED"
    CREDENTIALS_CHANGED = "CREDENTIALS_CHANGED"
    CREDENTIALS_RESEALED = "CREDENTIALS_RESEALED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """What happened to a channel, and by whom (`actor`, empty for nobody)."""

    happened_at: datetime
    kind: ChannelEventKind
    channel_id: int
    channel_name: str
    actor_id: str = ""
    actor_name: str = ""
    address: str = ""
    request_id: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def name_of(channel: Channel) -> str:
    """The channel as people call it, kept because it may be renamed."""
    return f"{channel.platform} {channel.account}"


def plain_differences(before: Channel | None, after: Channel) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a change shows of everything that is no secret: the values before and after, where they differ."""
    old, new = ({} if one is None else _plain(one) for one in (before, after))
    names = [name for name, value in new.items() if old.get(name) != value]
    return {name: old[name] for name in names if name in old}, {name: new[name] for name in names}


def _plain(channel: Channel) -> dict[str, Any]:
    values = {name: getattr(channel, name) for name in _PLAIN}
    return {**values, "state": channel.state.value, **_rules(channel.rules)}


def _rules(rules: Rules) -> dict[str, Any]:
    values = {name: getattr(rules, name) for name in Rules.__dataclass_fields__ if name != "schedule"}
    plain = {name: str(value) if isinstance(value, (Decimal, StrEnum)) else value for name, value in values.items()}
    return {**plain, "schedule": rules.schedule.as_json()}


def secret_differences(before: Mapping[str, str] | None, after: Mapping[str, str]) -> dict[str, str]:
    """What became of each secret, by its name and never with its value; without a `before` that can be read all are new."""
    old = before or {}
    told = {name: "changed" if name in old else "set" for name, value in after.items() if old.get(name) != value}
    return told | {name: "removed" for name in old if name not in after}
