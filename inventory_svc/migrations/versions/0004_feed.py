"""The change feed's outbox, and the stored answers of repeated requests."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE inventory.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_outbox PRIMARY KEY,
  transaction_id bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  kind text NOT NULL,
  key text NOT NULL,
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
)
""",
    "CREATE INDEX ix_outbox_position ON inventory.outbox (transaction_id, id)",
    """
CREATE TABLE inventory.outbox_state (
  "only" smallint NOT NULL DEFAULT 1 CONSTRAINT pk_outbox_state PRIMARY KEY,
  epoch text NOT NULL DEFAULT gen_random_uuid()::text,
  trimmed_transaction_id bigint NOT NULL DEFAULT 0,
  trimmed_id bigint NOT NULL DEFAULT 0
)
""",
    "INSERT INTO inventory.outbox_state DEFAULT VALUES",
    """
CREATE TABLE inventory.stored_answer (
  actor text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  body_hash bytea NOT NULL,
  answer bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_stored_answer PRIMARY KEY (actor, method, request_id)
)
""",
    "CREATE INDEX ix_stored_answer_created_at ON inventory.stored_answer (created_at)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("stored_answer", "outbox_state", "outbox"):
        op.drop_table(table, schema="inventory")
