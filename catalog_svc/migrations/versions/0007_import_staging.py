"""Where the rows of an import wait while it runs: unlogged, as a crash ends the import anyway."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "catalog"


def upgrade() -> None:
    op.create_table(
        "import_row",
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("family_line", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("is_bundle", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_row")),
        schema=SCHEMA,
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_import_row_family", "import_row", ["import_id", "family_line", "line"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("import_row", schema=SCHEMA)
