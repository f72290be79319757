"""A channel: one account on one platform, its rules, and whether it can be spoken with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sync_svc.domain.rules import Rules

DEFAULT_ACCOUNT = "MAIN"
"""The account's name where an import gives none."""

CONSENT_WARNING = timedelta(days=30)


class Platform(StrEnum):
    """The platforms the hub knows, with or without a connector."""

    ZOHO = "ZOHO"
    AMAZON = "AMAZON"
    EBAY = "EBAY"
    ECWID = "ECWID"


class ChannelState(StrEnum):
    """What a person has decided."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class Block(StrEnum):
    """Why an account stays silent for a while."""

    AUTH = "AUTH"
    THROTTLE = "THROTTLE"


class Connection(StrEnum):
    """Whether the hub can speak with the platform now."""

    CONNECTED = "CONNECTED"
    NO_CONNECTOR = "NO_CONNECTOR"
    NO_CREDENTIALS = "NO_CREDENTIALS"
    AUTH_REFUSED = "AUTH_REFUSED"
    THROTTLED = "THROTTLED"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it is stored; the sealed secrets stay out of `repr`."""

    id: int
    platform: Platform
    account: str
    display_name: str
    site: str
    api_base_url: str
    token_url: str
    options: Mapping[str, Any]
    rules: Rules
    state: ChannelState
    credential_names: tuple[str, ...]
    version: int
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None = None
    blocked_until: datetime | None = None
    block: Block | None = None
    block_message: str = ""
    sealed_credentials: bytes | None = field(default=None, repr=False)
    sealed_webhook: bytes | None = field(default=None, repr=False)
    consent_expires_at: datetime | None = None

    @property
    def was_ever_active(self) -> bool:
        """A channel that was never active is left alone: its platform may show what the hub knows nothing of."""
        return self.activated_at is not None

    @property
    def pushes(self) -> bool:
        """Whether listings are pushed: when active, and when paused to show zero."""
        return self.was_ever_active and (self.state is ChannelState.ACTIVE or self.rules.zero_when_paused)

    def connection(self, *, has_connector: bool, now: datetime) -> Connection:
        """Whether the hub can speak with the platform now."""
        if not has_connector:
            return Connection.NO_CONNECTOR
        if not self.credential_names:
            return Connection.NO_CREDENTIALS
        if self.block is not None and self.blocked_until is not None and self.blocked_until > now:
            return Connection.AUTH_REFUSED if self.block is Block.AUTH else Connection.THROTTLED
        return Connection.CONNECTED

    def warnings(self, connection: Connection, now: datetime) -> list[str]:
        """What a person should know or do before something stops, in plain words."""
        found = []
        expires_at = self.consent_expires_at
        if expires_at is not None and expires_at <= now:
            found.append(
                f"The seller's consent ended on {expires_at:%Y-%m-%d}: consent again (hubctl channels connect)."
            )
        elif expires_at is not None and expires_at <= now + CONSENT_WARNING:
            found.append(
                f"The seller's consent ends on {expires_at:%Y-%m-%d}: consent again before (hubctl channels connect)."
            )
        if connection is Connection.AUTH_REFUSED:
            found.append(
                "The platform refuses the account: connect it again, give new credentials, or mend it and resume."
            )
        if self.state is ChannelState.ACTIVE and not self.rules.schedule.is_open(now):
            found.append("Outside its schedule: only stock that falls is sent.")
        return found
