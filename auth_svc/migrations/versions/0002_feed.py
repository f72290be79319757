"""The outbox that tells every service which sessions have ended and that the keys have changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_S = "auth"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column(
            "transaction_id",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("pg_current_xact_id()::text::bigint"),
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        schema=_S,
    )
    op.create_index("ix_outbox_position", "outbox", ["transaction_id", "id"], schema=_S)
    op.create_table(
        "outbox_state",
        sa.Column("only", sa.SmallInteger, nullable=False, autoincrement=False, server_default=sa.text("1")),
        sa.Column("epoch", sa.Text, nullable=False, server_default=sa.text("gen_random_uuid()::text")),
        sa.Column("trimmed_transaction_id", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("trimmed_id", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("only", name="pk_outbox_state"),
        schema=_S,
    )
    op.execute("INSERT INTO auth.outbox_state DEFAULT VALUES")


def downgrade() -> None:
    op.drop_table("outbox_state", schema=_S)
    op.drop_table("outbox", schema=_S)
