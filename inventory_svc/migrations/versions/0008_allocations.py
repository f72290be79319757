"""What a bundle line of an order is picked by, and holds that can be made longer."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ACTIONS = (
    "'RECEIVE', 'MOVE', 'RESERVE', 'RELEASE', 'EXPIRE', 'SELL', 'CANCEL_SALE', 'EDIT', 'DELETE', 'RETURN', 'INSPECT',"
    " 'RESTOCK', 'DAMAGE', 'REPAIR', 'WRITE_OFF', 'FIND', 'SHIP', 'ARRIVE'"
)

ALLOCATION_COMPONENT = """
CREATE TABLE inventory.allocation_component (
  allocation_line_id bigint NOT NULL
    CONSTRAINT fk_allocation_component_allocation_line_id REFERENCES inventory.allocation_line (id),
  identity_id bigint NOT NULL,
  upis_h text NOT NULL,
  quantity bigint NOT NULL CONSTRAINT ck_allocation_component_quantity CHECK (quantity > 0),
  variant_ids bigint[] NOT NULL,
  CONSTRAINT pk_allocation_component PRIMARY KEY (allocation_line_id, identity_id)
)
"""


def _allow(actions: str, how: str) -> None:
    op.execute(
        "ALTER TABLE inventory.movement DROP CONSTRAINT ck_movement_action,"
        f" ADD CONSTRAINT ck_movement_action CHECK (action IN ({actions})) {how}"
    )


def upgrade() -> None:
    op.execute(ALLOCATION_COMPONENT)
    _allow(f"{ACTIONS}, 'EXTEND'", "NOT VALID")


def downgrade() -> None:
    """Refused by the check where holds have been made longer already: the ledger is not rewritten."""
    _allow(ACTIONS, "")
    op.drop_table("allocation_component", schema="inventory")
