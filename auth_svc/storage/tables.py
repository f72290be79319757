"""The tables of the schema `auth`, as the migrations make them; a test proves that both agree.

No secret is stored as it is: passwords as argon2id, tokens and client secrets as SHA-256, private keys sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import schema_metadata
from chassis.idempotency import idempotency_table
from chassis.outbox import outbox_tables

SCHEMA = "auth"
metadata = schema_metadata(SCHEMA)

_ROLES = "role IN ('ADMIN', 'WAREHOUSE_OP', 'SALES_REP', 'SYSTEM_BOT')"


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _row_id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


users = Table(
    "users",
    metadata,
    _row_id(),
    Column("username", Text, nullable=False),
    Column("full_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("password_hash", Text, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("last_sign_in_at", nullable=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    # What the user is bound to; empty: to nothing.
    Column("warehouses", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("channel_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    CheckConstraint("username ~ '^[A-Za-z0-9_]{3,50}$'", name="username"),
    CheckConstraint("length(full_name) <= 200", name="full_name"),
    CheckConstraint(_ROLES, name="role"),
    CheckConstraint(
        "role <> 'ADMIN' OR cardinality(warehouses) + cardinality(channel_ids) = 0", name="admin_is_unbound"
    ),
    CheckConstraint("cardinality(warehouses) <= 20 AND cardinality(channel_ids) <= 50", name="scope"),
)
Index("uq_users_username", func.lower(users.c.username), unique=True)

service_accounts = Table(
    "service_accounts",
    metadata,
    _row_id(),
    Column("client_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    _moment("created_at"),
    _moment("last_used_at", nullable=True),
    CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{3,50}$'", name="client_id"),
    CheckConstraint(_ROLES, name="role"),
)
Index("uq_service_accounts_client_id", func.lower(service_accounts.c.client_id), unique=True)

service_account_secrets = Table(
    "service_account_secrets",
    metadata,
    _row_id(),
    Column("account_id", BigInteger, ForeignKey(service_accounts.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False),
    # Whether the secret came from the settings, which replace it at the next start.
    Column("is_from_settings", Boolean, nullable=False),
    _moment("created_at"),
    _moment("expires_at", nullable=True),
    _moment("last_used_at", nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("user_id", BigInteger, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("address", Text, nullable=False),
    _moment("created_at"),
    _moment("last_used_at"),
    _moment("expires_at"),
    _moment("ended_at", nullable=True),
    Column("end_reason", Text),
    Index("ix_sessions_user_id_address", "user_id", "address"),
    Index("ix_sessions_expires_at", "expires_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column(
        "session_id", Uuid(as_uuid=False), ForeignKey(sessions.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    _moment("issued_at"),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("public_x", Text, nullable=False),
    Column("public_y", Text, nullable=False),
    Column("sealed_private_key", Text, nullable=False),
    _moment("created_at"),
    _moment("retired_at", nullable=True),
    _moment("signs_from", nullable=True),
)

sign_in_throttles = Table(
    "sign_in_throttles",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    _moment("last_failed_at"),
    _moment("blocked_until"),
)
Index("ix_sign_in_throttles_last_failed_at", sign_in_throttles.c.last_failed_at)

events = Table(
    "events",
    metadata,
    _row_id(),
    _moment("happened_at"),
    Column("kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("subject_name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
)
Index("ix_events_subject_id", events.c.subject_id, events.c.id)
Index("ix_events_happened_at", events.c.happened_at)
Index("ix_events_kind", events.c.kind, events.c.id)
Index("ix_events_actor_id", events.c.actor_id, events.c.id)

stored_answers = idempotency_table(metadata)
outbox = outbox_tables(metadata)

# What the service's own database role may do; tables that are not named take all four.
GRANTS = {"events": "SELECT, INSERT"}
