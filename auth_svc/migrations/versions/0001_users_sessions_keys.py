"""Users, service accounts, sessions, signing keys, throttles, and the append-only events.

Two rules live in triggers, because only the database can keep them against two callers at once and against any client: the
last active admin stays, and events are never changed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_S = "auth"
_ROLES = "role IN ('ADMIN', 'WAREHOUSE_OP', 'SALES_REP', 'SYSTEM_BOT')"

# A serial lock makes the second of two admins who demote each other wait for the first, and a new statement inside a
# function sees what the first has committed.
_KEEP_LAST_ADMIN = """
CREATE FUNCTION auth.keep_last_admin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('auth.keep_last_admin'));
    IF NOT EXISTS (SELECT 1 FROM auth.users WHERE role = 'ADMIN' AND is_active AND id <> OLD.id) THEN
        RAISE EXCEPTION 'the last active admin has to stay'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_admin', TABLE = 'users', SCHEMA = 'auth';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$
"""
_KEEP_LAST_ADMIN_ON_UPDATE = """
CREATE TRIGGER keep_last_admin_on_update BEFORE UPDATE ON auth.users FOR EACH ROW
WHEN (OLD.role = 'ADMIN' AND OLD.is_active AND NOT (NEW.role = 'ADMIN' AND NEW.is_active))
EXECUTE FUNCTION auth.keep_last_admin()
"""
_KEEP_LAST_ADMIN_ON_DELETE = """
CREATE TRIGGER keep_last_admin_on_delete BEFORE DELETE ON auth.users FOR EACH ROW
WHEN (OLD.role = 'ADMIN' AND OLD.is_active)
EXECUTE FUNCTION auth.keep_last_admin()
"""
_REFUSE_EVENT_CHANGE = """
CREATE FUNCTION auth.refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'events_append_only', TABLE = 'events', SCHEMA = 'auth';
END
$$
"""
_EVENTS_APPEND_ONLY = """
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.events
FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_event_change()
"""


def upgrade() -> None:
    _create_users()
    _create_service_accounts()
    _create_sessions()
    _create_refresh_tokens()
    _create_signing_keys()
    _create_sign_in_throttles()
    _create_events()
    _create_stored_answer()
    for statement in (_KEEP_LAST_ADMIN, _KEEP_LAST_ADMIN_ON_UPDATE, _KEEP_LAST_ADMIN_ON_DELETE):
        op.execute(statement)
    op.execute(_REFUSE_EVENT_CHANGE)
    op.execute(_EVENTS_APPEND_ONLY)


def downgrade() -> None:
    for table in (
        "stored_answer",
        "events",
        "sign_in_throttles",
        "signing_keys",
        "refresh_tokens",
        "sessions",
        "service_account_secrets",
        "service_accounts",
        "users",
    ):
        op.drop_table(table, schema=_S)
    op.execute("DROP FUNCTION auth.refuse_event_change()")
    op.execute("DROP FUNCTION auth.keep_last_admin()")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _row_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False)


def _create_users() -> None:
    op.create_table(
        "users",
        _row_id(),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("last_sign_in_at", nullable=True),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.CheckConstraint("username ~ '^[A-Za-z0-9_]{3,50}$'", name=op.f("ck_users_username")),
        sa.CheckConstraint("length(full_name) <= 200", name=op.f("ck_users_full_name")),
        sa.CheckConstraint(_ROLES, name=op.f("ck_users_role")),
        schema=_S,
    )
    op.create_index("uq_users_username", "users", [sa.text("lower(username)")], unique=True, schema=_S)


def _create_service_accounts() -> None:
    op.create_table(
        "service_accounts",
        _row_id(),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        _moment("created_at"),
        _moment("last_used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_service_accounts"),
        sa.CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{3,50}$'", name=op.f("ck_service_accounts_client_id")),
        sa.CheckConstraint(_ROLES, name=op.f("ck_service_accounts_role")),
        schema=_S,
    )
    unique_client = [sa.text("lower(client_id)")]
    op.create_index("uq_service_accounts_client_id", "service_accounts", unique_client, unique=True, schema=_S)
    op.create_table(
        "service_account_secrets",
        _row_id(),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("is_from_settings", sa.Boolean, nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_service_account_secrets"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["auth.service_accounts.id"],
            name="fk_service_account_secrets_account_id",
            ondelete="CASCADE",
        ),
        schema=_S,
    )
    op.create_index("ix_service_account_secrets_account_id", "service_account_secrets", ["account_id"], schema=_S)


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("last_used_at"),
        _moment("expires_at"),
        _moment("ended_at", nullable=True),
        sa.Column("end_reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["auth.users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
        schema=_S,
    )
    op.create_index("ix_sessions_user_id_address", "sessions", ["user_id", "address"], schema=_S)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], schema=_S)


def _create_refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        _moment("issued_at"),
        _moment("expires_at"),
        _moment("used_at", nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["auth.sessions.id"], name="fk_refresh_tokens_session_id", ondelete="CASCADE"
        ),
        schema=_S,
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"], schema=_S)


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("public_x", sa.Text, nullable=False),
        sa.Column("public_y", sa.Text, nullable=False),
        sa.Column("sealed_private_key", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_signing_keys"),
        schema=_S,
    )


def _create_sign_in_throttles() -> None:
    op.create_table(
        "sign_in_throttles",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        _moment("last_failed_at"),
        _moment("blocked_until"),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_throttles"),
        schema=_S,
    )
    op.create_index("ix_sign_in_throttles_last_failed_at", "sign_in_throttles", ["last_failed_at"], schema=_S)


def _create_events() -> None:
    texts = ("kind", "actor_id", "actor_name", "subject_id", "subject_name", "address", "request_id")
    op.create_table(
        "events",
        _row_id(),
        _moment("happened_at"),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("before", postgresql.JSONB, nullable=False),
        sa.Column("after", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        schema=_S,
    )
    op.create_index("ix_events_subject_id", "events", ["subject_id", "id"], schema=_S)


def _create_stored_answer() -> None:
    op.create_table(
        "stored_answer",
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("actor", "method", "request_id", name="pk_stored_answer"),
        schema=_S,
    )
    op.create_index("ix_stored_answer_created_at", "stored_answer", ["created_at"], schema=_S)
