"""The hash of a ledger row, and what a broken chain shows. The database's own hashes are checked by the integration tests."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory_svc.domain.item import Action, Status
from inventory_svc.domain.ledger import GENESIS, Cause, Head, Movement, chain_breaks, head_breaks, movement_hash
from inventory_svc.domain.money import Money

ROW = Movement(
    id=1, item_id=9, sequence=1, action=Action.RECEIVE, variant_id=3, sku="T-3", before_status=None,
    after_status=Status.AVAILABLE, before_location="", after_location="A1", unit_cost=Money(Decimal("12.5")),
    sale_price=None, cause=Cause("1", "ann", "ADMIN", "r-1", "delivery", "PO-1"),
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), changes="", previous_hash=GENESIS, hash=b"",
)  # fmt: skip


def sealed(row: Movement) -> Movement:
    return dataclasses.replace(row, hash=movement_hash(row))


def chain(length: int) -> list[Movement]:
    rows = [sealed(ROW)]
    for sequence in range(2, length + 1):
        row = dataclasses.replace(ROW, id=sequence, sequence=sequence, action=Action.MOVE, previous_hash=rows[-1].hash)
        rows.append(sealed(row))
    return rows


def test_hash_is_the_documented_one() -> None:
    """Once in use, the formula must never change: this is what the ledger of a unit says of its first row."""
    assert movement_hash(ROW).hex() == "657a23f008d3e975c389c7d829c3dcf1d96f0c9fca184dd9430c26b9e6c96e9f"


@pytest.mark.parametrize(
    "change",
    [
        {"item_id": 10}, {"sequence": 2}, {"action": Action.MOVE}, {"variant_id": 4}, {"before_status": Status.SOLD},
        {"after_status": Status.SOLD}, {"before_location": "A"}, {"after_location": "A2"}, {"unit_cost": None},
        {"unit_cost": Money(Decimal("12.5001"))}, {"unit_cost": Money(Decimal("12.5"), "EUR")},
        {"sale_price": Money(Decimal(1))}, {"changes": "{}"}, {"previous_hash": bytes(31) + b"x"},
        {"created_at": ROW.created_at + timedelta(microseconds=1)},
        {"cause": dataclasses.replace(ROW.cause, actor_name="bob")},
        {"cause": dataclasses.replace(ROW.cause, reason="deliver", order_reference="yPO-1")},
    ],
    ids=str,
)  # fmt: skip
def test_every_field_counts(change: dict[str, Any]) -> None:
    assert movement_hash(dataclasses.replace(ROW, **change)) != movement_hash(ROW)


def test_ids_and_names_of_the_row_itself_do_not_count() -> None:
    assert movement_hash(dataclasses.replace(ROW, id=77, sku="other", hash=b"x")) == movement_hash(ROW)


def test_texts_cannot_be_shifted_between_fields() -> None:
    one = dataclasses.replace(ROW, before_location="1:A", after_location="")
    other = dataclasses.replace(ROW, before_location="", after_location="1:A")
    assert movement_hash(one) != movement_hash(other)


def test_whole_chain_has_no_breaks() -> None:
    assert chain_breaks(chain(6)) == []


def test_changed_row_is_named() -> None:
    rows = chain(4)
    rows[1] = dataclasses.replace(rows[1], after_location="elsewhere")
    (found,) = chain_breaks(rows)
    assert (found.movement_id, found.sequence, found.what) == (2, 2, "its hash is not that of its content")


def test_row_that_was_rehashed_breaks_the_next_one() -> None:
    rows = chain(4)
    rows[1] = sealed(dataclasses.replace(rows[1], after_location="elsewhere"))
    (found,) = chain_breaks(rows)
    assert (found.sequence, found.what) == (3, "it does not continue the row 2 before it: one of them was changed")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_missing_row_is_noticed(place: int) -> None:
    rows = chain(4)
    del rows[place]
    assert "a row is missing before it" in {found.what for found in chain_breaks(rows)}


@pytest.mark.parametrize(
    ("length", "head", "named"),
    [
        (3, 3, []),
        (2, 3, [(3, 0)]),
        (3, 1, [(2, 2), (3, 3)]),
        (0, 3, [(3, 0)]),
        (3, None, [(3, 3)]),
        (0, None, []),
    ],
)
def test_rows_that_end_elsewhere_than_the_seal_are_named(
    length: int, head: int | None, named: list[tuple[int, int]]
) -> None:
    rows = chain(3)
    found = head_breaks(9, rows[:length], Head(head, rows[head - 1].hash) if head else None)
    assert [(each.movement_id, each.sequence) for each in found] == named


def test_last_row_that_was_rehashed_breaks_its_seal() -> None:
    rows = chain(3)
    head = Head(3, rows[2].hash)
    rows[2] = sealed(dataclasses.replace(rows[2], after_location="elsewhere"))
    (found,) = head_breaks(9, rows, head)
    assert (found.movement_id, found.what) == (
        3, "it was changed after it was written: its hash is not the sealed one"
    )  # fmt: skip
