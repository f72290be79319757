"""The whole catalogue in and out as a spreadsheet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from rich.table import Table
from usav.catalog.v1 import transfer_pb2

from hubctl.context import Tool, command
from hubctl.importing import Imported, ProgressBar, import_file
from hubctl.output import Column, Output, as_dict

INTERRUPTED = 130
_REPORTED: list[Column] = [
    ("line #", lambda r: r.line),
    ("field", lambda r: r.field),
    ("reason", lambda r: r.reason),
    ("message", lambda r: r.message),
]


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Tell what would happen and change nothing.")
@click.option("--strict", is_flag=True, help="End with status 1 when a row was reported.")
@command
def import_catalog(tool: Tool, file: IO[bytes], dry_run: bool, strict: bool) -> None:
    """Brings a catalogue in from a CSV FILE (`-`: standard input) and tells what became of its rows.

    A second import of the same file changes nothing, and one that was interrupted is completed by the next.
    With --json: an object per row, then {"summary": ...}.
    """
    output = tool.output
    try:
        with ProgressBar(output.errors) as bar:
            if output.as_json:
                imported = import_file(
                    tool.hub, file, bar, dry_run=dry_run, on_row=lambda row: output.json_line(as_dict(row))
                )
            else:
                imported = import_file(tool.hub, file, bar, dry_run=dry_run)
    except KeyboardInterrupt:
        output.errors.print("\nStopped. What is in is whole; run the import again to complete it.")
        raise SystemExit(INTERRUPTED) from None
    show_import(output, imported)
    if strict and imported.reported:
        raise SystemExit(1)


def show_import(output: Output, imported: Imported, *, with_rows: bool = True) -> None:
    """The closing summary, and the rows of which something could not be taken."""
    summary = imported.summary or transfer_pb2.ImportSummary()
    if output.as_json:
        output.json_line({"summary": as_dict(summary)})
        return
    if with_rows and imported.reported:
        output.rows(imported.reported, _REPORTED, title="Reported rows")
        output.say("")
    would = " (dry run: nothing was changed)" if summary.dry_run else ""
    output.say(f"{summary.rows:,} rows{would}")
    output.console.print(_summary(summary))
    if summary.created_rows + summary.updated_rows == 0 and not imported.reported:
        output.say("Everything was there already.")
    if imported.mended_rows:
        output.say(f"{imported.mended_rows} rows were mended on the way; --json tells how.")


def _summary(summary: transfer_pb2.ImportSummary) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = [
        (f"{name} rows", getattr(summary, f"{name}_rows")) for name in ("created", "updated", "unchanged", "reported")
    ]
    made = ("families", "identities", "variants", "recipe_lines", "colors", "listings")
    things = [(f"new {name.replace('_', ' ')}", getattr(summary, f"created_{name}")) for name in made]
    reasons = [(f"  {reason}", count) for reason, count in sorted(summary.reported_by_reason.items())]
    for name, count in (*rows, *reasons, *things):
        table.add_row(name, f"[bold]{count:,}[/bold]" if count else "[dim]0[/dim]")
    table.columns[1].justify = "right"
    return table


@click.command("export")
@click.argument("file", default="-", type=click.Path(dir_okay=False, writable=True, allow_dash=True))
@click.option("--family", type=click.IntRange(0, 99999), help="Only this family.")
@command
def export_catalog(tool: Tool, file: str, family: int | None) -> None:
    """Writes the catalogue as CSV to FILE (default: standard output); importing it again changes nothing."""
    request = transfer_pb2.ExportCatalogRequest(product_id=family)
    written = 0
    with _target(file) as target:
        for piece in tool.hub.catalog.ExportCatalog(request):
            written += target.write(piece.data)
    if file != "-":
        tool.output.say(f"Wrote {written:,} bytes to {file}.")


@contextmanager
def _target(file: str) -> Iterator[IO[bytes]]:
    """Where the bytes go; a file is replaced only once all of it is there."""
    if file == "-":
        yield sys.stdout.buffer
        return
    path = Path(file)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as target:
            yield target
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


COMMANDS = [import_catalog, export_catalog]
