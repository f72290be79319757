"""What the demo shows: one line per listing of the SKU on sale, with what its marketplace shows and how long that took."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from hubctl.demo.shelves import Place, Shown


@dataclass
class Row:
    """One listing. Times are Unix seconds; `confirmed_at` is when the hub had the marketplace's word."""

    place: Place
    shown: Shown | None = None
    confirmed_at: float | None = None
    is_sold_here: bool = False

    @property
    def channel(self) -> str:
        """Platform and account."""
        return f"{self.place[0]} {self.place[1]}"

    @property
    def quantity(self) -> int:
        """What a buyer sees; what is not listed shows zero."""
        return self.shown.quantity if self.shown else 0


@dataclass
class Scene:
    """All listings of the SKU on sale. `sold_at` is when the buyer bought."""

    sku: str
    rows: list[Row]
    sold_at: float | None = None

    @property
    def selling_row(self) -> Row:
        """The listing that makes the sale."""
        return next(row for row in self.rows if row.is_sold_here)

    @property
    def slowest_seconds(self) -> float:
        """How long the last of the other channels took."""
        return max((self.seconds(row) or 0.0 for row in self.rows if not row.is_sold_here), default=0.0)

    def seconds(self, row: Row) -> float | None:
        """How long after the sale the listing's shelf changed."""
        if self.sold_at is None or row.shown is None or row.quantity:
            return None
        return max(0.0, row.shown.changed_at - self.sold_at)

    def confirmed_seconds(self, row: Row) -> float | None:
        """How long after the sale the hub knew that the listing shows zero."""
        if self.sold_at is None or row.confirmed_at is None:
            return None
        return max(0.0, row.confirmed_at - self.sold_at)

    def render(self) -> Table:
        """The table as it is now."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("channel", "its SKU", "shelf shows", "shelf changed after", "hub knew after"):
            table.add_column(name, justify="left" if name in ("channel", "its SKU") else "right")
        for row in self.rows:
            table.add_row(
                row.channel, row.place[2], _quantity(row), self._took(row), _seconds(self.confirmed_seconds(row))
            )
        return table

    def as_json(self) -> dict[str, object]:
        """The end of the story for scripts; times are seconds after the sale."""
        rows = [
            {
                "platform": row.place[0],
                "account": row.place[1],
                "platform_sku": row.place[2],
                "quantity": row.quantity,
                "sold_here": row.is_sold_here,
                "shelf_seconds": None if row.is_sold_here else self.seconds(row),
                "confirmed_seconds": self.confirmed_seconds(row),
            }
            for row in self.rows
        ]
        return {"sku": self.sku, "slowest_seconds": self.slowest_seconds, "listings": rows}

    def _took(self, row: Row) -> str:
        return "sold here" if row.is_sold_here else _seconds(self.seconds(row))


def _quantity(row: Row) -> str:
    return f"[bold green]{row.quantity}[/bold green]" if row.quantity else "[bold red]0[/bold red]"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
