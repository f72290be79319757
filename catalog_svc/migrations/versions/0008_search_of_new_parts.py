"""A component definition without an identity of its own yet has nothing to be searched for: its trigger ends there.

An import makes thousands of them, each before its identity.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WHEN_THERE = """
CREATE OR REPLACE FUNCTION catalog.lci_definition_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed catalog.lci_definition := coalesce(NEW, OLD);
  ids bigint[] := ARRAY(
    SELECT id FROM catalog.identity
    WHERE product_id = changed.product_id AND component_index = changed.component_index);
BEGIN
  IF cardinality(ids) > 0 THEN
    PERFORM catalog.refresh_whole_identities(ids);
  END IF;
  RETURN NULL;
END $$
"""

ALWAYS = """
CREATE OR REPLACE FUNCTION catalog.lci_definition_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed catalog.lci_definition := coalesce(NEW, OLD);
BEGIN
  PERFORM catalog.refresh_whole_identities(ARRAY(
    SELECT id FROM catalog.identity
    WHERE product_id = changed.product_id AND component_index = changed.component_index));
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(WHEN_THERE)


def downgrade() -> None:
    op.execute(ALWAYS)
