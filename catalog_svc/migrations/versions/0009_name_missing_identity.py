"""A variant of an identity that is not there is refused with the number that was asked for, as foreign keys do it."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NAME_VARIANT = """
CREATE OR REPLACE FUNCTION catalog.name_variant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT product_id, upis_h INTO NEW.product_id, NEW.upis_h FROM catalog.identity WHERE id = NEW.identity_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such identity' USING
      ERRCODE = 'foreign_key_violation', CONSTRAINT = 'fk_variant_identity_id', DETAIL = {detail};
  END IF;
  NEW.condition_code := coalesce(NEW.condition_code, 'U');
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(NAME_VARIANT.format(detail="format('Key (identity_id)=(%s) is not present.', NEW.identity_id)"))


def downgrade() -> None:
    op.execute(NAME_VARIANT.format(detail="'The key is not present.'"))
