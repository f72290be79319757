"""The one place that prints: tables for people, JSON for scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.type import money_pb2
from rich.console import Console
from rich.markup import escape
from rich.table import Table

STATUS_STYLE = {
    "AVAILABLE": "green",
    "RESERVED": "yellow",
    "SOLD": "blue",
    "SYNCED": "green",
    "PENDING": "yellow",
    "DIRTY": "yellow",
    "ERROR": "red",
    "CREATED": "green",
    "REPORTED": "red",
}

# Where nobody sees a terminal's edge, lines are not broken.
_WIDE = 400
_MAX_AMOUNT = 10**15

Column = tuple[str, Callable[[Any], object]]


class Output:
    """Tables on a terminal, or one JSON object (per row) with `as_json`."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = _console(stderr=False)
        self.errors = _console(stderr=True)

    def rows(self, messages: Iterable[Message], columns: Sequence[Column], title: str = "") -> None:
        """A table of the messages, or a JSON object per line."""
        if self.as_json:
            for message in messages:
                self.json(message)
            return
        table = Table(title=escape(title) or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
        for name, _ in columns:
            table.add_column(name, justify="right" if name.endswith(("units", "#", "$")) else "left")
        for message in messages:
            table.add_row(*(styled(value(message)) for _, value in columns))
        self.console.print(table)

    def table(self, rows: Sequence[Mapping[str, object]]) -> None:
        """A table of what is no message, or a JSON object per line; the columns are those of the first row."""
        if self.as_json:
            for row in rows:
                self.json_line({name.removesuffix(" #"): value for name, value in row.items()})
            return
        table = Table(header_style="bold", box=None, pad_edge=False)
        for name in rows[0] if rows else ():
            table.add_column(name.removesuffix(" #"), justify="right" if name.endswith("#") else "left")
        for row in rows:
            table.add_row(*(styled(value) for value in row.values()))
        self.console.print(table)

    def one(self, message: Message, columns: Sequence[Column]) -> None:
        """One message as name and value, or as JSON."""
        if self.as_json:
            self.json(message)
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in columns:
            table.add_row(f"[bold]{name}[/bold]", styled(value(message)))
        self.console.print(table)

    def json(self, message: Message) -> None:
        """One message as the gateway would write it."""
        self.json_line(as_dict(message))

    def json_line(self, value: Any) -> None:
        """One value as JSON on a line of its own, at once."""
        print(json.dumps(value, ensure_ascii=False), flush=True)

    def say(self, text: str) -> None:
        """A line for people; not printed with --json."""
        if not self.as_json:
            self.console.print(text, markup=False)


def as_dict(message: Message) -> dict[str, Any]:
    """The message in the hub's JSON: snake_case names, bare enums, defaults shown."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE
    return console


def styled(value: object) -> str:
    """A cell: statuses in their colour, absent values as a dash."""
    text = "-" if value in (None, "") else str(value)
    style = STATUS_STYLE.get(text)
    return f"[{style}]{text}[/{style}]" if style else escape(text)


def money(value: Any) -> str:
    """An amount as people write it, exact to the cent and beyond where there is more."""
    if not value.currency_code and not value.units and not value.nanos:
        return "-"
    sign = "-" if value.units < 0 or value.nanos < 0 else ""
    fraction = f"{abs(value.nanos):09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{abs(value.units)}.{fraction} {value.currency_code}"


def parse_money(text: str, currency: str = "USD") -> Any:
    """An amount such as "19.99" as a message, exactly. Raises ValueError."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount such as 19.99") from None
    if not amount.is_finite() or abs(amount) >= _MAX_AMOUNT:
        raise ValueError(f"{text!r} is not an amount such as 19.99")
    units = int(amount)
    nanos = (amount - units) * 10**9
    if nanos != int(nanos):
        raise ValueError(f"{text!r} has more than nine decimals")
    return money_pb2.Money(currency_code=currency, units=units, nanos=int(nanos))


def clock_time(value: Any) -> str:
    """A timestamp in UTC, to the second."""
    if not value.seconds:
        return "-"
    return str(value.ToDatetime().replace(microsecond=0)) + "Z"
