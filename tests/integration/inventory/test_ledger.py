"""The ledger takes no change, chains its rows, and shows tampering."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import movement_pb2

from deploy.local.roles import role_of
from deploy.local.secrets import role_password
from inventory_svc.domain.ledger import GENESIS, Movement, chain_breaks
from inventory_svc.storage.ledger_rows import MOVEMENT_COLUMNS, MOVEMENT_SOURCE, to_movement
from tests.integration.inventory.harness import ROLE_SECRET, InventoryHub, dollars, refusal

ODD_TEXT = "back\\slash | pipe 3:abc \\x00 'quote' ünïcødé 漢字 🎧"


async def chain_of(hub: InventoryHub, item_id: int) -> list[Movement]:
    query = f"SELECT {MOVEMENT_COLUMNS} FROM {MOVEMENT_SOURCE} WHERE movement.item_id = $1 ORDER BY movement.sequence"
    return [to_movement(row) for row in await hub.rows(query, item_id)]


async def a_life(hub: InventoryHub) -> int:
    """A unit that was received, held, released, moved and sold, with odd texts."""
    unit = await hub.unit(location="A", unit_cost=dollars(10.5), reason=ODD_TEXT)
    await hub.reserve(unit.id, order_reference=ODD_TEXT)
    await hub.admin.ReleaseItem(service.ReleaseItemRequest(id=unit.id))
    await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="B ünï", reason=ODD_TEXT))
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id, sale_price=dollars(20)))
    return unit.id


async def test_history_tells_who_what_why_and_when(hub: InventoryHub) -> None:
    unit = await hub.unit(location="A")
    seller = hub.caller("SALES_REP:ann")
    request = service.SellItemRequest(
        id=unit.id, order_reference="O-1", reason="walk-in", request_id="sell-1", sale_price=dollars(9)
    )
    await seller.SellItem(request)
    row = (await hub.admin.ListMovements(service.ListMovementsRequest(item_id=unit.id))).items[-1]
    told = (row.actor_id, row.actor_name, row.actor_role, row.reason, row.order_reference, row.request_id)
    assert told == ("ann", "ann", "SALES_REP", "walk-in", "O-1", "sell-1")
    assert (row.sequence, movement_pb2.Movement.Action.Name(row.action)) == (2, "SELL")
    assert (row.sale_price, row.sku) == (dollars(9), unit.sku)
    assert row.create_time.seconds > 1_700_000_000


async def test_ledger_is_filtered_and_paged(hub: InventoryHub) -> None:
    units = await hub.receive(count=3, order_reference="PO-77")
    await hub.caller("SALES_REP:filter").ReserveItem(
        service.ReserveItemRequest(id=units[1].id, order_reference="PO-77")
    )
    expected: dict[str, tuple[dict[str, Any], int]] = {
        "sku": ({"sku": units[0].sku}, 4),
        "variant": ({"variant_id": units[0].variant_id}, 4),
        "order": ({"order_reference": "PO-77"}, 4),
        "action": ({"sku": units[0].sku, "action": "RESERVE"}, 1),
        "actor": ({"actor_id": "filter"}, 1),
        "after": ({"sku": units[0].sku, "created_after": units[0].receive_time}, 4),
        "before": ({"sku": units[0].sku, "created_before": units[0].receive_time}, 0),
    }
    for name, (fields, count) in expected.items():
        page = await hub.admin.ListMovements(service.ListMovementsRequest(**fields, page_size=1000))
        assert (len(page.items), page.total_size) == (count, count), name
    first = await hub.admin.ListMovements(service.ListMovementsRequest(sku=units[0].sku, page_size=3))
    second = service.ListMovementsRequest(sku=units[0].sku, page_size=3, page_token=first.next_page_token)
    assert [row.item_id for row in (await hub.admin.ListMovements(second)).items] == [units[1].id]


async def test_history_of_a_unit_that_never_was_is_not_found(hub: InventoryHub) -> None:
    refused = await refusal(hub.admin.ListMovements(service.ListMovementsRequest(item_id=10**14)))
    assert refused.reason == "ITEM_NOT_FOUND"


async def test_rows_are_chained_from_nothing(hub: InventoryHub) -> None:
    rows = await chain_of(hub, await a_life(hub))
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].previous_hash == GENESIS
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(rows))
    assert chain_breaks(rows) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory.movement SET reason = 'x'",
        "UPDATE inventory.movement SET reason = reason WHERE false",
        "DELETE FROM inventory.movement",
        "TRUNCATE inventory.movement",
        "DELETE FROM inventory.item",
        "TRUNCATE inventory.item",
    ],
)
async def test_ledger_and_units_refuse_even_the_administrator(hub: InventoryHub, statement: str) -> None:
    await hub.unit()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await hub.rows(statement)


async def as_service_role(hub: InventoryHub, *statements: str) -> None:
    role = role_of("inventory")
    url = f"postgresql://{role}:{role_password(ROLE_SECRET, role)}@{hub.admin_url.partition('@')[2]}"
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory.movement SET reason = 'x'",
        "DELETE FROM inventory.movement",
        "TRUNCATE inventory.movement",
        "DELETE FROM inventory.item",
        "DELETE FROM inventory.reservation",
        "ALTER TABLE inventory.movement DISABLE TRIGGER ALL",
        "UPDATE inventory.known_variant SET sku = 'X'",
    ],
)
async def test_service_role_has_no_right_to_it(hub: InventoryHub, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_service_role(hub, statement)


async def test_hash_cannot_be_written_and_the_chain_cannot_be_jumped(hub: InventoryHub) -> None:
    unit = await hub.unit()
    columns = "item_id, sequence, action, variant_id, after_status, actor_id, actor_name, actor_role"
    values = f"{unit.id}, {{}}, 'MOVE', 1, 'AVAILABLE', 'x', 'x', 'ADMIN'"
    with pytest.raises(asyncpg.PostgresError, match="hash"):
        await as_service_role(hub, f"INSERT INTO inventory.movement ({columns}, hash) VALUES ({values.format(2)}, 'x')")
    with pytest.raises(asyncpg.RestrictViolationError):
        await as_service_role(hub, f"INSERT INTO inventory.movement ({columns}) VALUES ({values.format(3)})")
    with pytest.raises(asyncpg.CheckViolationError):
        await as_service_role(hub, f"INSERT INTO inventory.movement ({columns}) VALUES ({values.format(1)})")


@pytest.mark.parametrize(
    ("before", "after"),
    [("AVAILABLE", "RMA"), ("SOLD", "RESERVED"), ("WRITTEN_OFF", "AVAILABLE"), ("SOLD", "DAMAGED")],
)
async def test_database_refuses_moves_the_domain_does_not_know(hub: InventoryHub, before: str, after: str) -> None:
    unit = await hub.unit()
    sold_at = {"SOLD": "now()"}
    await hub.rows("ALTER TABLE inventory.item DISABLE TRIGGER item_status_move")
    try:
        change = f"SET status = '{before}', version = version + 1, sold_at = {sold_at.get(before, 'NULL')}"
        await hub.rows(f"UPDATE inventory.item {change} WHERE id = $1", unit.id)
    finally:
        await hub.rows("ALTER TABLE inventory.item ENABLE TRIGGER item_status_move")
    with pytest.raises(asyncpg.RestrictViolationError):
        await as_service_role(
            hub,
            f"UPDATE inventory.item SET status = '{after}', version = version + 1, sold_at = NULL WHERE id = {unit.id}",
        )
    await hub.rows("ALTER TABLE inventory.item DISABLE TRIGGER ALL")
    await hub.rows("UPDATE inventory.item SET status = 'AVAILABLE', version = 1, sold_at = NULL WHERE id = $1", unit.id)
    await hub.rows("ALTER TABLE inventory.item ENABLE TRIGGER ALL")


@pytest.mark.parametrize("change", ["notes = 'x'", "notes = 'x', version = version + 2", "version = version - 1"])
async def test_database_refuses_a_change_without_its_version(hub: InventoryHub, change: str) -> None:
    unit = await hub.unit()
    with pytest.raises(asyncpg.RestrictViolationError):
        await as_service_role(hub, f"UPDATE inventory.item SET {change} WHERE id = {unit.id}")


async def test_database_refuses_a_second_live_hold(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    with pytest.raises(asyncpg.UniqueViolationError):
        await as_service_role(
            hub,
            f"INSERT INTO inventory.reservation (item_id, holder_id, holder_name) VALUES ({unit.id}, 'x', 'x')",
        )


@pytest.mark.parametrize(
    ("sequence", "column", "value"),
    [
        (1, "reason", "'nothing'"),
        (2, "actor_name", "'somebody else'"),
        (3, "created_at", "created_at + interval '1 microsecond'"),
        (4, "after_location", "'elsewhere'"),
        (5, "sale_price", "sale_price + 0.0001"),
        (5, "previous_hash", "sha256('x')"),
    ],
)
async def test_tampering_past_the_trigger_shows(hub: InventoryHub, sequence: int, column: str, value: str) -> None:
    """Whoever owns the database can switch the trigger off; even the generated hash then betrays him one row later."""
    unit_id = await a_life(hub)
    before = await chain_of(hub, unit_id)
    await hub.rows("ALTER TABLE inventory.movement DISABLE TRIGGER movement_append_only")
    change = f"UPDATE inventory.movement SET {column} = {value} WHERE item_id = $1 AND sequence = $2"
    await hub.rows(change, unit_id, sequence)
    tampered = await chain_of(hub, unit_id)
    await hub.rows("ALTER TABLE inventory.movement ENABLE TRIGGER movement_append_only")
    if sequence < len(tampered) or column == "previous_hash":
        assert chain_breaks(tampered)
    else:
        # The last row has nobody behind it: its hash differs from what was sealed (test_ledger_heads.py).
        assert tampered[-1].hash != before[-1].hash


async def test_missing_row_shows(hub: InventoryHub) -> None:
    rows = await chain_of(hub, await a_life(hub))
    before = rows[1].id
    del rows[2]
    assert [found.what for found in chain_breaks(rows)] == [
        "a row is missing before it",
        f"it does not continue the row {before} before it: one of them was changed",
    ]
