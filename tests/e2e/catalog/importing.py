"""Catalogues to import, and importing them over JSON as curl does."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SAMPLE = ROOT / "hubctl" / "data" / "sample_catalog.csv"
COLUMNS = (
    *("Group Name", "Product Type", "Product Color", "Product Condition", "Component Type", "Included Products"),
    *("sku", "platform", "ASIN", "name"),
)
STATUSES = ("created_rows", "updated_rows", "unchanged_rows", "reported_rows")
MADE = (
    *("created_families", "created_identities", "created_variants", "created_recipe_lines"),
    *("created_colors", "created_listings"),
)
Summary = dict[str, Any]


def sample_under(brand: str) -> bytes:
    """The sample with families, products and SKUs of its own, so that tests on one hub do not meet."""
    rows = list(csv.DictReader(io.StringIO(SAMPLE.read_text(encoding="utf-8"))))
    for row in rows:
        row["Group Name"] = f"{brand} {row['Group Name']}"
        names = [name.strip() for name in row["Included Products"].split(",") if name.strip()]
        row["Included Products"] = ", ".join(f"{brand} {name}" for name in names)
        row["sku"] = row["sku"] and f"{brand}-{row['sku']}"
    return as_csv([[row[name] for name in COLUMNS] for row in rows])


def catalog_of(brand: str, families: int) -> bytes:
    """A catalogue of any size: per family a product on two channels, a part, and a bundle of both families beside it."""
    rows = []
    for number in range(families):
        name, sku = f"{brand} Speaker {number}", f"{brand}-{number}"
        neighbor = f"{brand} Speaker {(number + 1) % families}"
        rows.append([name, "Product", "BK", "", "", "", f"{sku}-A", "MEKONG_eBay", "", f"{name} Black"])
        rows.append([name, "Product", "BK", "", "", "", f"{sku}-A", "Ecwid", "", f"{name} Black"])
        rows.append([name, "Parts", "", "", "Remote", "", f"{sku}-P", "USAV_eBay", "", f"Remote for {name}"])
        rows.append([name, "Bundle", "BK", "", "", f"{name}, {neighbor}", f"{sku}-B", "Amazon", "", f"Pair of {name}"])
    return as_csv(rows)


def as_csv(rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> bytes:
    """A file with the header and these rows."""
    out = io.StringIO()
    csv.writer(out).writerows([columns, *rows])
    return out.getvalue().encode()


async def post_catalog(client: httpx2.AsyncClient, content: bytes, *, dry_run: bool = False) -> httpx2.Response:
    """The import as one HTTP request."""
    query = {"dry_run": "true"} if dry_run else {}
    headers = {"content-type": "text/csv"}
    return await client.post("/api/v1/catalog/import", content=content, params=query, headers=headers, timeout=110)


async def import_catalog(client: httpx2.AsyncClient, content: bytes, *, dry_run: bool = False) -> Summary:
    """The closing count of an import that must go well; numbers as numbers."""
    answer = await post_catalog(client, content, dry_run=dry_run)
    assert answer.status_code == 200, answer.text
    return summary_of(answer)


def messages_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    """The report, a message per line."""
    return [json.loads(line) for line in answer.text.splitlines()]


def summary_of(answer: httpx2.Response) -> Summary:
    """The last message of a report."""
    summary: Summary = messages_of(answer)[-1]["summary"]
    return {name: int(value) if isinstance(value, str) else value for name, value in summary.items()}


def rows_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    """What became of every row."""
    return [row for message in messages_of(answer) for row in message.get("rows", [])]


def made_nothing(summary: Summary) -> bool:
    """Whether an import changed nothing."""
    return not any(summary[name] for name in (*MADE, "created_rows", "updated_rows"))
