"""The seal of each unit's last ledger row: it follows every change, names tampering with that row, and nobody can write it."""

from __future__ import annotations

import asyncio
from importlib import import_module

import asyncpg
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, dollars
from tests.integration.inventory.test_ledger import as_service_role
from tests.integration.inventory.test_proof import tamper, verified

_HEAD = "SELECT movement_id, hash FROM inventory.ledger_head WHERE item_id = $1"
_LAST = "SELECT id AS movement_id, hash FROM inventory.movement WHERE item_id = $1 ORDER BY sequence DESC LIMIT 1"
_OF_LAST = "WHERE item_id = $1 AND sequence = (SELECT max(sequence) FROM inventory.movement WHERE item_id = $1)"
_BACK = """
UPDATE inventory.item SET version = last.sequence, status = last.after_status, location = last.after_location,
  updated_at = last.created_at, sold_at = NULL, sale_price = NULL, sale_currency = NULL
FROM inventory.movement AS last WHERE item.id = $1 AND last.item_id = $1
  AND last.sequence = (SELECT max(sequence) FROM inventory.movement WHERE item_id = $1)
"""
_FORGE = """
INSERT INTO inventory.movement (item_id, sequence, action, variant_id, before_status, after_status, before_location,
  after_location, unit_cost, cost_currency, actor_id, actor_name, actor_role, created_at, previous_hash)
SELECT item_id, sequence + 1, 'MOVE', variant_id, after_status, after_status, after_location, 'B2', unit_cost, cost_currency,
  'x', 'x', 'ADMIN', created_at + interval '1 second', hash
FROM inventory.movement
"""


async def sold_unit(hub: InventoryHub) -> int:
    """A unit with three ledger rows, the last of which has something in nearly every column."""
    unit = await hub.unit(location="A", unit_cost=dollars(3))
    await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="A1-S1"))
    await hub.admin.SellItem(
        service.SellItemRequest(
            id=unit.id, order_reference="O-9", reason="at the counter", request_id=f"s-{unit.id}", sale_price=dollars(9)
        )
    )
    return unit.id


async def last_row(hub: InventoryHub, unit_id: int) -> int:
    return int((await hub.rows(_LAST, unit_id))[0]["movement_id"])


async def test_head_follows_every_change(hub: InventoryHub) -> None:
    units = await hub.receive(count=3)
    for unit in units:
        assert await hub.rows(_HEAD, unit.id) == await hub.rows(_LAST, unit.id)
    await asyncio.gather(*(hub.reserve(unit.id) for unit in units))
    await hub.admin.ReleaseItem(service.ReleaseItemRequest(id=units[0].id))
    for unit in units:
        assert await hub.rows(_HEAD, unit.id) == await hub.rows(_LAST, unit.id)


# All columns but the hash, which nobody can write.
@pytest.mark.parametrize(
    "change",
    [
        "id = DEFAULT",
        "item_id = 1000000000000000 + item_id",
        "sequence = 7",
        "action = 'CANCEL_SALE'",
        "variant_id = variant_id + 1",
        "before_status = 'RESERVED'",
        "after_status = 'AVAILABLE'",
        "before_location = ''",
        "after_location = ''",
        "unit_cost = 2.9999",
        "cost_currency = 'EUR'",
        "sale_price = 8.9999",
        "sale_currency = 'EUR'",
        "actor_id = 'x'",
        "actor_name = 'x'",
        "actor_role = 'SALES_REP'",
        "reason = ''",
        "order_reference = 'O-8'",
        "request_id = ''",
        "changes = '{}'",
        "created_at = created_at - interval '1 microsecond'",
        "previous_hash = sha256('x')",
    ],
)
async def test_change_of_any_column_of_the_last_row_is_named(hub: InventoryHub, change: str) -> None:
    unit_id = await sold_unit(hub)
    last = await last_row(hub, unit_id)
    assert (await verified(hub, unit_id))[1].findings == 0
    await tamper(hub, f"UPDATE inventory.movement SET {change} {_OF_LAST}", unit_id)
    findings, _ = await verified(hub, unit_id)
    assert [found.movement_id for found in findings if "sealed" in found.what] == [last]


async def test_every_column_was_tried(hub: InventoryHub) -> None:
    (mark,) = test_change_of_any_column_of_the_last_row_is_named.pytestmark  # type: ignore[attr-defined]
    tried = {change.partition(" ")[0] for change in mark.args[1]}
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'inventory' AND table_name = 'movement'"
    assert {row["column_name"] for row in await hub.rows(query)} == tried | {"hash"}


async def test_missing_last_row_is_named_though_the_unit_was_put_back(hub: InventoryHub) -> None:
    unit_id = await sold_unit(hub)
    last = await last_row(hub, unit_id)
    await tamper(hub, f"DELETE FROM inventory.movement {_OF_LAST}", unit_id)
    await tamper(hub, _BACK, unit_id)
    (found,), _ = await verified(hub, unit_id)
    assert (found.movement_id, found.what) == (last, "the row that was sealed as the unit's last is missing")


async def test_row_forged_behind_the_last_is_named(hub: InventoryHub) -> None:
    unit = await hub.unit(location="A")
    await tamper(hub, f"{_FORGE} {_OF_LAST}", unit.id)
    await tamper(hub, _BACK, unit.id)
    (found,), _ = await verified(hub, unit.id)
    assert (found.movement_id, found.sequence) == (await last_row(hub, unit.id), 2)
    assert "behind the row that was sealed" in found.what


async def test_unit_taken_away_with_its_whole_ledger_is_named(hub: InventoryHub) -> None:
    unit_id = await sold_unit(hub)
    last = await last_row(hub, unit_id)
    await tamper(hub, "DELETE FROM inventory.movement WHERE item_id = $1", unit_id)
    await tamper(hub, "DELETE FROM inventory.item WHERE id = $1", unit_id)
    for findings in (await verified(hub, unit_id), await verified(hub)):
        assert (unit_id, last) in {(found.item_id, found.movement_id) for found in findings[0]}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM inventory.ledger_head WHERE item_id = $1", "its seal as the unit's last row is missing"),
        ("UPDATE inventory.ledger_head SET hash = sha256('x') WHERE item_id = $1", "its hash is not the sealed one"),
        ("UPDATE inventory.ledger_head SET movement_id = movement_id + 10 ^ 12 WHERE item_id = $1", "last is missing"),
    ],
)
async def test_tampering_with_the_seal_is_named(hub: InventoryHub, statement: str, told: str) -> None:
    unit_id = await sold_unit(hub)
    await tamper(hub, statement, unit_id)
    (found,), _ = await verified(hub, unit_id)
    assert told in found.what


@pytest.mark.parametrize(
    "statements",
    [
        ("INSERT INTO inventory.ledger_head VALUES (1, 1, 'x')",),
        ("UPDATE inventory.ledger_head SET hash = 'x'",),
        ("DELETE FROM inventory.ledger_head",),
        ("TRUNCATE inventory.ledger_head",),
        ("ALTER TABLE inventory.movement DISABLE TRIGGER movement_sealed",),
        (
            "CREATE TEMP TABLE forged (item_id bigint, sequence integer, id bigint, hash bytea)",
            "CREATE TRIGGER forging AFTER INSERT ON forged REFERENCING NEW TABLE AS new_rows"
            " FOR EACH STATEMENT EXECUTE FUNCTION inventory.seal_ledger()",
        ),
    ],
)
async def test_service_role_has_no_way_to_a_head(hub: InventoryHub, statements: tuple[str, ...]) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_service_role(hub, *statements)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory.ledger_head SET movement_id = movement_id - 1",
        "UPDATE inventory.ledger_head SET hash = sha256('x')",
        "DELETE FROM inventory.ledger_head",
        "TRUNCATE inventory.ledger_head",
    ],
)
async def test_heads_refuse_even_the_administrator(hub: InventoryHub, statement: str) -> None:
    await hub.unit()
    with pytest.raises(asyncpg.RestrictViolationError):
        await hub.rows(statement)


async def test_units_of_before_get_their_heads_while_they_change(hub: InventoryHub) -> None:
    """As the migration makes them, a few at a time, with callers on the same units."""
    await tamper(hub, "DELETE FROM inventory.ledger_head")
    units = await hub.receive(count=40)
    await tamper(hub, "DELETE FROM inventory.ledger_head WHERE item_id % 2 = 0")
    statement = str(import_module("inventory_svc.migrations.versions.0016_heads_of_former_units").HEADS)
    assert "LIMIT 10000" in statement
    statement = statement.replace(":after", "$1::bigint").replace("LIMIT 10000", "LIMIT 3")
    changing = [asyncio.create_task(hub.reserve(unit.id)) for unit in reversed(units)]
    after: int | None = 0
    while after is not None:
        ((after,),) = await hub.rows(statement, after)
    await asyncio.gather(*changing)
    for unit in units:
        assert await hub.rows(_HEAD, unit.id) == await hub.rows(_LAST, unit.id)
    assert await hub.rows("SELECT id FROM inventory.item EXCEPT SELECT item_id FROM inventory.ledger_head") == []
