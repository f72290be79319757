"""Money as people write it, tables for people, JSON for scripts."""

from __future__ import annotations

import json

import pytest
from google.type import money_pb2
from usav.inventory.v1 import item_pb2

from hubctl.output import Column, Output, as_dict, money, parse_money, styled

COLUMNS: list[Column] = [
    ("id", lambda i: i.id),
    ("serial", lambda i: i.serial_number),
    ("count #", lambda i: i.variant_id),
]


@pytest.mark.parametrize(
    ("text", "units", "nanos"),
    [
        ("19.99", 19, 990_000_000),
        ("0", 0, 0),
        ("0.000000001", 0, 1),
        ("-1.5", -1, -500_000_000),
        (" 7 ", 7, 0),
        ("1e3", 1000, 0),
        ("123456789012.12", 123_456_789_012, 120_000_000),
    ],
)
def test_an_amount_is_read_exactly(text: str, units: int, nanos: int) -> None:
    assert parse_money(text) == money_pb2.Money(currency_code="USD", units=units, nanos=nanos)


@pytest.mark.parametrize("text", ["", "abc", "$5", "1,000", "NaN", "Infinity", "1e30", "0.0000000001", "1.2.3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        parse_money(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [("19.99", "19.99 USD"), ("5", "5.00 USD"), ("-0.5", "-0.50 USD"), ("1.2345", "1.2345 USD"), ("0", "0.00 USD")],
)
def test_an_amount_is_written_as_it_was_read(text: str, written: str) -> None:
    assert money(parse_money(text)) == written


def test_no_amount_is_a_dash() -> None:
    assert money(money_pb2.Money()) == "-"


def test_json_has_an_object_per_line_with_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).rows([item_pb2.Item(id=1), item_pb2.Item(id=2, serial_number="é")], COLUMNS, title="two")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["id"], first["serial_number"]) == ("1", "")
    assert second["serial_number"] == "é"


def test_json_says_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).say("for people")
    assert capsys.readouterr().out == ""


def test_a_table_is_not_broken_where_nobody_sees_an_edge(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([item_pb2.Item(id=1, serial_number="S" * 200)], COLUMNS, title="one")
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines[:1]] == ["one"]
    assert "S" * 200 in lines[2]


def test_what_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.rows([item_pb2.Item(id=1, serial_number="[red]x[/red]")], COLUMNS, title="[bold]t")
    output.say("[/nothing] said")
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "[bold]t" in out
    assert "[/nothing] said" in out


def test_one_message_is_shown_by_name_and_value(capsys: pytest.CaptureFixture[str]) -> None:
    Output().one(item_pb2.Item(id=7), COLUMNS)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["id", "7"], ["serial", "-"], ["count", "#", "0"]]


def test_statuses_have_a_color_and_nothing_is_a_dash() -> None:
    assert styled("AVAILABLE") == "[green]AVAILABLE[/green]"
    assert styled(None) == styled("") == "-"
    assert styled(0) == "0"


def test_json_has_the_names_of_the_hub() -> None:
    assert as_dict(item_pb2.Item(id=3, status=item_pb2.Item.AVAILABLE))["status"] == "AVAILABLE"
