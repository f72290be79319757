"""The guards of stock, and what the code looks like without each of them."""

from __future__ import annotations

from dataclasses import dataclass

_UNITS = "inventory_svc/storage/unit_changes.py"
_CHANGE = "inventory_svc/storage/change_sql.py"
_ORDERS = "inventory_svc/storage/allocations.py"
_MIGRATIONS = "inventory_svc/migrations/versions"
_TESTS = "tests/integration/inventory/test_"
_MOVES = (
    "(OLD.status, NEW.status) NOT IN (\n    ('AVAILABLE', 'RESERVED'), ('AVAILABLE', 'SOLD'),\n"
    "    ('AVAILABLE', 'DAMAGED')"
)


@dataclass(frozen=True)
class Guard:
    """Something that must not be missing: `old` stands once in `file`, and `new` is the file without it.

    `tests` are those that are run first; the whole suite of stock follows when they do not notice.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _guard(name: str, file: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(name, file, old, new, tuple(map(_path, tests)))


def _path(test: str) -> str:
    """`ledger`, or one test of it: `ledger::rows_are_chained`."""
    file, _, one = test.partition("::")
    return f"{_TESTS}{file}.py{one and f'::test_{one}'}"


GUARDS = (
    _guard(
        "the row lock of every change",
        _CHANGE,
        'FOR NO KEY UPDATE OF item{"" if waits else " SKIP LOCKED"}',
        "",
        "crowd",
        "reserve_item::sell_and_reserve_at_once_never_both",
    ),
    _guard(
        "the status guard of every change",
        _CHANGE,
        "AND item.status IN ({_statuses(list(RULES[action].before))})",
        "",
        "reserve_item::fifty_callers_reserve_one_unit_exactly_one_wins",
    ),
    _guard(
        "the unique index on live holds",
        f"{_MIGRATIONS}/0002_holds.py",
        "CREATE UNIQUE INDEX uq_reservation_live",
        "CREATE INDEX uq_reservation_live",
        "ledger::database_refuses_a_second_live_hold",
    ),
    _guard(
        "the trigger on moves of status",
        f"{_MIGRATIONS}/0005_after_sale.py",
        f"WHEN (OLD.status <> NEW.status AND {_MOVES}",
        f"WHEN (FALSE AND {_MOVES}",
        "ledger::database_refuses_moves_the_domain_does_not_know",
    ),
    _guard(
        "the trigger on versions",
        f"{_MIGRATIONS}/0001_units.py",
        "WHEN (NEW.version <> OLD.version + 1 OR",
        "WHEN (FALSE AND",
        "ledger::database_refuses_a_change_without_its_version",
    ),
    _guard(
        "the unique index on serial numbers",
        f"{_MIGRATIONS}/0001_units.py",
        "CREATE UNIQUE INDEX uq_item_serial_number",
        "CREATE INDEX uq_item_serial_number",
        "receive_items::same_serial_received_by_many_at_once_is_there_once",
    ),
    _guard(
        "the trigger that keeps the ledger",
        f"{_MIGRATIONS}/0003_ledger.py",
        "movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON",
        "movement_append_only BEFORE TRUNCATE ON",
        "ledger::ledger_and_units_refuse_even_the_administrator",
    ),
    _guard(
        "the chain of the ledger",
        f"{_MIGRATIONS}/0003_ledger.py",
        "SELECT before.hash INTO NEW.previous_hash",
        "SELECT sha256('x') INTO NEW.previous_hash",
        "ledger::rows_are_chained_from_nothing",
    ),
    _guard(
        "the seal of a unit's last row",
        f"{_MIGRATIONS}/0015_ledger_heads.py",
        "ON CONFLICT (item_id) DO UPDATE SET movement_id = excluded.movement_id, hash = excluded.hash;",
        "ON CONFLICT (item_id) DO NOTHING;",
        "ledger_heads::change_of_any_column_of_the_last_row_is_named",
    ),
    _guard(
        "who may have the seal written",
        f"{_MIGRATIONS}/0015_ledger_heads.py",
        'op.execute("REVOKE ALL ON FUNCTION inventory.seal_ledger() FROM PUBLIC")',
        "pass",
        "ledger_heads::service_role_has_no_way_to_a_head",
    ),
    _guard(
        "the grants on the ledger",
        "inventory_svc/storage/tables.py",
        '"movement": "SELECT, INSERT"',
        '"movement": "SELECT, INSERT, UPDATE"',
        "ledger::service_role_has_no_right_to_it",
    ),
    _guard(
        "the end of a hold when it is sold",
        _UNITS,
        "item.status = 'AVAILABLE' OR (item.reserved_until > now() AND (hold.holder_id",
        "item.status = 'AVAILABLE' OR (TRUE AND (hold.holder_id",
        "reserve_item::holder_whose_hold_ran_out_sells_what_is_free",
    ),
    _guard(
        "the end of a hold when it is released",
        _UNITS,
        "item.reserved_until > now() AND (asked.order_reference IN",
        "TRUE AND (asked.order_reference IN",
        "reserve_item::release_of_an_expired_hold_finds_the_unit_free",
    ),
    _guard(
        "the warehouses of a bound caller",
        _CHANGE,
        '_INSIDE, f"AND {UNIT_INSIDE}"',
        '_INSIDE, "AND CAST(:warehouses AS text[]) IS NOT NULL"',
        "scope::what_lies_outside_is_refused_and_stays_as_it_is",
    ),
    _guard(
        "the way of a bound caller around shared statements",
        "inventory_svc/operations/change_one.py",
        "        if wanted.cause.warehouses is None:\n",
        "        if True:\n",
        "scope::bound_callers_amid_others_hold_nothing_outside",
    ),
    _guard(
        "the way of a bound caller's order around shared transactions",
        "inventory_svc/operations/allocate_together.py",
        "order.cause.warehouses is None and ",
        "",
        "scope",
    ),
    _guard("the holder when a held unit is sold", _UNITS, "hold.holder_id = asked.actor_id", "TRUE", "reserve_item"),
    _guard(
        "the time when a hold is tidied away",
        _UNITS,
        'guard="item.reserved_until <= now()", closes="EXPIRED"',
        'guard="TRUE", closes="EXPIRED"',
        "guards::hold_that_lasts_is_not_tidied_away",
    ),
    _guard(
        "the time when the sweeper looks for holds",
        _UNITS,
        "AND reserved_until <= now()\n    ORDER BY",
        "AND reserved_until <= now() - interval '1 h'\n    ORDER BY",
        "reserve_item::expired_hold_is_tidied_by_itself",
    ),
    _guard(
        "the order when a sale is cancelled",
        _UNITS,
        'guard="item.order_reference = asked.order_reference",',
        "",
        "guards::sale_under_another_order_is_not_cancelled",
    ),
    _guard(
        "the answer to a repeat",
        "chassis/idempotency.py",
        "        if claimed is None:\n",
        "        if claimed is None and not request_id:\n",
        "request_ids::fifty_repeats_at_once",
    ),
    _guard(
        "the body of a repeat",
        "chassis/idempotency.py",
        "if bytes(stored_hash) != digest:",
        "if False:",
        "request_ids::same_id_with_another_body_is_refused",
    ),
    _guard(
        "the lock on the lines of an order",
        _ORDERS,
        "ORDER BY line.line_id FOR UPDATE",
        "ORDER BY line.line_id",
        "allocations::repeats_at_two_replicas_fill_a_line_up_once",
    ),
    _guard(
        "the lock on picked units",
        _ORDERS,
        '_SKIP = "FOR NO KEY UPDATE SKIP LOCKED"',
        '_SKIP = ""',
        "bundles::scarce_components_are_never_promised_twice",
    ),
    _guard(
        "the wait for units that others look at",
        "inventory_svc/operations/pick_units.py",
        "    return await _wait(session, wants, cause.warehouses)\n",
        "    raise OutOfStock.of(share_out(wants, found).short)\n",
        "allocations::unit_that_somebody_lets_go_of_is_waited_for",
    ),
    _guard(
        "sales that were taken back",
        "inventory_svc/operations/give_back.py",
        "        await allocations.forget_sales(session, [line.id for line in lines], sold)\n",
        "",
        "allocations::released_order_gives_back_all_it_had",
    ),
    _guard(
        "the quantity of a line that is asked for again",
        "inventory_svc/domain/allocation.py",
        "if others or other_quantity or asked.variant_id",
        "if others or asked.variant_id",
        "allocations::line_asked_for_differently_is_refused",
    ),
    _guard(
        "what a line keeps of which units may have left",
        "inventory_svc/domain/allocation.py",
        "return max(before, self.quantity) if self.quantity_change is QuantityChange.RAISE else self.quantity",
        "return self.quantity",
        "edited_orders::line_whose_units_may_have_left_keeps_them_all",
    ),
    _guard(
        "the giving back of what is too much",
        "inventory_svc/operations/change_quantities.py",
        "    await give_back(session, [stored[line_id] for line_id in changed], given, cause)\n",
        "",
        "edited_orders::line_takes_what_it_lacks_and_gives_back_what_is_too_much",
    ),
    _guard(
        "units that came back from an order",
        "inventory_svc/domain/allocation.py",
        "return {**self.returned, **",
        "return {**",
        "allocations::late_repeat_picks_nothing_in_place_of_what_came_back",
    ),
    _guard(
        "holds that ran out, in the availability",
        "inventory_svc/storage/availability.py",
        "available.units + coalesce(expired.units, 0)",
        "available.units",
        "reserve_item::expired_hold_reads_as_available_everywhere",
    ),
    _guard(
        "the level of a changed unit",
        f"{_MIGRATIONS}/0017_location_levels.py",
        "GROUP BY variant_id, location, status HAVING sum(units) <> 0;",
        "GROUP BY variant_id, location, status HAVING FALSE;",
        "stock_levels::every_kind_of_change_is_counted",
    ),
    _guard(
        "the sum when levels are folded",
        "inventory_svc/storage/stock_levels.py",
        "DO UPDATE SET units = level.units + excluded.units",
        "DO UPDATE SET units = excluded.units",
        "stock_levels",
    ),
    _guard(
        "the levels of locations when changes are folded",
        f"{_MIGRATIONS}/0017_location_levels.py",
        "DO UPDATE SET units = level.units + excluded.units",
        "DO UPDATE SET units = excluded.units",
        "stock_levels",
    ),
    _guard(
        "one caller of a unit per shared statement",
        "inventory_svc/operations/together.py",
        "        while key in self._queue:\n            await asyncio.wait([self._queue[key].outcome])\n",
        "",
        "reserve_item::fifty_callers_reserve_one_unit_exactly_one_wins",
    ),
    _guard(
        "the answers that shared transactions keep",
        "inventory_svc/operations/change_one.py",
        "                await self._answers.keep(session.rows, fresh)\n",
        "                pass\n",
        "request_ids::a_hundred_repeats_one_after_another",
    ),
    _guard(
        "the answers that shared orders keep",
        "inventory_svc/operations/allocate_together.py",
        "                await self._answers.keep(session.rows, kept)\n",
        "                pass\n",
        "allocate_together::an_id_used_for_another_order_is_refused_and_harms_nobody_else",
    ),
    _guard(
        "the lock on a location that is used",
        "inventory_svc/storage/locations.py",
        "ORDER BY code FOR SHARE",
        "ORDER BY code",
        "locations::unit_and_removal_never_pass_each_other",
    ),
    _guard(
        "the trigger that keeps a used location",
        f"{_MIGRATIONS}/0007_locations.py",
        "AND item.status NOT IN ('SOLD', 'WRITTEN_OFF')",
        "AND FALSE",
        "locations::database_itself_keeps_a_location_with_stock_and_its_code",
    ),
    _guard(
        "the version of a counted unit",
        "inventory_svc/operations/counts.py",
        "versions.get(one.item_id) == one.item_version",
        "True",
        "counts::approval_leaves_alone_what_changed_since",
    ),
    _guard(
        "movements during a count",
        "inventory_svc/storage/counts.py",
        "row.created_at >= {moment}",
        "FALSE",
        "counts::what_moves_during_a_count_is_no_difference",
    ),
    _guard(
        "the transfer that a unit is on",
        "inventory_svc/storage/transfers.py",
        'guard="item.transfer_id = asked.transfer_id",',
        "",
        "transfers::unit_ships_once_and_arrives_once_whoever_asks",
        "transfers::wrong_places_transfers_and_units_are_refused",
    ),
    _guard(
        "the announcement of a change",
        _CHANGE,
        "announced AS ({ANNOUNCE})",
        "announced AS (SELECT 1)",
        "watch_stock::change_tells_before_and_after",
    ),
    _guard(
        "the re-reading before an edit",
        _UNITS,
        'guard="item.version = asked.version",',
        "",
        "guards::edit_of_a_unit_that_changed_meanwhile_does_nothing",
    ),
)
