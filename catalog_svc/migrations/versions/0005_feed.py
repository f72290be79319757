"""The outbox of the change feed, and the stored answers of requests with an id."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "catalog"

STATE = """
INSERT INTO catalog.outbox_state DEFAULT VALUES
"""


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "transaction_id",
            sa.BigInteger(),
            server_default=sa.text("pg_current_xact_id()::text::bigint"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema=SCHEMA,
    )
    op.create_index("ix_outbox_position", "outbox", ["transaction_id", "id"], unique=False, schema=SCHEMA)
    op.create_table(
        "outbox_state",
        sa.Column("only", sa.SmallInteger(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Text(), server_default=sa.text("gen_random_uuid()::text"), nullable=False),
        sa.Column("trimmed_transaction_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("trimmed_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_outbox_state")),
        schema=SCHEMA,
    )
    op.create_table(
        "stored_answer",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("actor", "method", "request_id", name=op.f("pk_stored_answer")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_stored_answer_created_at"), "stored_answer", ["created_at"], unique=False, schema=SCHEMA)
    op.execute(STATE)


def downgrade() -> None:
    op.drop_table("stored_answer", schema=SCHEMA)
    op.drop_table("outbox_state", schema=SCHEMA)
    op.drop_table("outbox", schema=SCHEMA)
