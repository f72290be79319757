"""The audit trail of channels, which nobody can change."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = "sync"

_REFUSE = """
CREATE FUNCTION sync.refuse_channel_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'channel events are append-only'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'channel_event_append_only', TABLE = 'channel_event',
        SCHEMA = 'sync';
END
$$
"""
_APPEND_ONLY = """
CREATE TRIGGER channel_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sync.channel_event
FOR EACH STATEMENT EXECUTE FUNCTION sync.refuse_channel_event_change()
"""


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "channel_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        _text("channel_name"),
        _text("actor_id"),
        _text("actor_name"),
        _text("address"),
        _text("request_id"),
        _json("before"),
        _json("after"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_event")),
        schema=SCHEMA,
    )
    op.create_index("ix_channel_event_channel_id", "channel_event", ["channel_id", "id"], schema=SCHEMA)
    op.execute(_REFUSE)
    op.execute(_APPEND_ONLY)


def downgrade() -> None:
    op.drop_table("channel_event", schema=SCHEMA)
    op.execute("DROP FUNCTION sync.refuse_channel_event_change()")
