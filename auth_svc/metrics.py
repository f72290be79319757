"""What the auth service shows of itself beside its calls."""

from __future__ import annotations

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import INTEGER

from auth_svc.domain.throttle import ALARM
from chassis.database import Database, Statement
from chassis.gauges import Reading, by_statement
from chassis.metrics import Rows, gauge

PASSWORDS_WAITING = gauge("hub_passwords_waiting", "Sign-ins that wait for their turn to have a password checked.")
KEY_AGE = Rows("hub_signing_key_age_seconds", "How long the newest signing key has been signing.")
KEY_LIMIT = gauge("hub_signing_key_rotation_seconds", "After how long another key is to take over (HUB_KEY_DAYS).")
ALARMS = Rows("hub_sign_in_alarms", "Accounts whose passwords are being guessed from many addresses at once.")

_KEY_AGE = Statement(
    text(
        "SELECT extract(epoch FROM clock_timestamp() - max(coalesce(signs_from, created_at)))::float8 FROM auth.signing_keys"
        " WHERE retired_at IS NULL AND coalesce(signs_from, created_at) <= clock_timestamp()"
    )
)
_ALARMS = Statement(
    text("""
SELECT count(*)::float8 FROM auth.sign_in_throttles
WHERE key LIKE '%@*' AND failures >= :failures AND last_failed_at > clock_timestamp() - interval '1 hour'
""").bindparams(bindparam("failures", type_=INTEGER))
)


def readings(db: Database) -> list[Reading]:
    """What is read from the database."""
    return [
        by_statement(db, KEY_AGE, _KEY_AGE),
        by_statement(db, ALARMS, _ALARMS, failures=ALARM.free_failures),
    ]
