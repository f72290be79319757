"""The one place that prints: tables for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
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

Column = tuple[str, Callable[[Any], object]]


class Output:
    """Tables on a terminal, or one JSON object (per row) with `as_json`."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False)
        self.errors = Console(stderr=True, highlight=False)

    def rows(self, messages: Iterable[Message], columns: Sequence[Column], title: str = "") -> None:
        """A table of the messages, or a JSON object per line."""
        if self.as_json:
            for message in messages:
                self.json(message)
            return
        table = Table(title=title or None, header_style="bold", box=None, pad_edge=False)
        for name, _ in columns:
            table.add_column(name, justify="right" if name.endswith(("units", "#", "$")) else "left")
        for message in messages:
            table.add_row(*(styled(value(message)) for _, value in columns))
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
        print(json.dumps(as_dict(message)))

    def say(self, text: str) -> None:
        """A line for people; not printed with --json."""
        if not self.as_json:
            self.console.print(text)


def as_dict(message: Message) -> dict[str, Any]:
    """The message in the hub's JSON: snake_case names, bare enums."""
    return MessageToDict(message, preserving_proto_field_name=True)


def styled(value: object) -> str:
    """A cell: statuses in their colour, absent values as a dash."""
    text = "-" if value in (None, "") else str(value)
    style = STATUS_STYLE.get(text)
    return f"[{style}]{text}[/{style}]" if style else text.replace("[", r"\[")


def money(value: Any) -> str:
    """An amount as people write it, exact to the cent and beyond where there is more."""
    if not value.currency_code and not value.units and not value.nanos:
        return "-"
    sign = "-" if value.units < 0 or value.nanos < 0 else ""
    fraction = f"{abs(value.nanos):09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{abs(value.units)}.{fraction} {value.currency_code}"


def parse_money(text: str, currency: str = "USD") -> Any:
    """An amount such as "19.99" as a message. Raises ValueError."""
    from decimal import Decimal, InvalidOperation

    from google.type import money_pb2

    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount such as 19.99") from None
    if not amount.is_finite() or abs(amount) >= 10**15:
        raise ValueError(f"{text!r} is not an amount such as 19.99")
    units = int(amount)
    return money_pb2.Money(currency_code=currency, units=units, nanos=int((amount - units) * 10**9))


def clock_time(value: Any) -> str:
    """A timestamp in the reader's zone, to the second."""
    if not value.seconds:
        return "-"
    return str(value.ToDatetime().replace(microsecond=0)) + "Z"
