"""An import as the client sees it: the file goes out in pieces, the report comes back in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any

import click
from google.api import httpbody_pb2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from usav.catalog.v1 import transfer_pb2

from hubctl.client import Hub

_PIECE_BYTES = 128 * 1024
_REPORTED = transfer_pb2.ImportRowResult.REPORTED
_STAGES = {"READING": "Reading rows", "PRODUCTS": "Products", "BUNDLES": "Bundles", "LISTINGS": "Listings"}


@dataclass
class Imported:
    """What an import told, all of it."""

    summary: transfer_pb2.ImportSummary | None = None
    reported: list[transfer_pb2.ImportRowResult] = field(default_factory=list)
    mended_rows: int = 0
    skus: set[str] = field(default_factory=set)

    def take(self, rows: Iterable[transfer_pb2.ImportRowResult]) -> None:
        """Keeps what a person wants to see of some rows."""
        for row in rows:
            self.mended_rows += bool(row.notes)
            self.skus.add(row.full_sku)
            if row.status == _REPORTED:
                self.reported.append(row)


class ProgressBar:
    """A bar per stage, on a terminal; silent elsewhere."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._stages: dict[str, TaskID] = {}
        self._rows = 0
        self._listed = 0

    def __enter__(self) -> ProgressBar:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, message: transfer_pb2.ImportCatalogResponse) -> None:
        """Moves the bar that a part of the report is about."""
        if message.HasField("progress"):
            progress = message.progress
            self._move(progress.stage, progress.done, progress.total or None)
            if progress.stage == "READING":
                self._rows = progress.done
        elif message.rows:
            self._listed += len(message.rows)
            self._move("LISTINGS", self._listed, self._rows)

    def _move(self, stage: str, done: int, total: int | None) -> None:
        if stage != "READING" and "READING" in self._stages:
            self._bars.update(self._stages["READING"], completed=self._rows, total=self._rows)
        self._bars.update(self._stage(stage), completed=done, total=total)

    def _stage(self, stage: str) -> TaskID:
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(_STAGES.get(stage, stage.capitalize()), total=None)
        return self._stages[stage]


def import_file(
    hub: Hub,
    file: IO[bytes],
    bar: ProgressBar,
    *,
    dry_run: bool = False,
    on_row: Callable[[transfer_pb2.ImportRowResult], None] = lambda row: None,
) -> Imported:
    """Sends the file and gathers the report. Safe to repeat; Ctrl-C ends it between two batches.

    Raises grpc.RpcError, and ClickException when the report ends too early.
    """
    imported = Imported()
    call: Any = hub.catalog.ImportCatalog(_requests(file, dry_run))
    try:
        for message in call:
            bar.show(message)
            imported.take(message.rows)
            for row in message.rows:
                on_row(row)
            if message.HasField("summary"):
                imported.summary = message.summary
    except KeyboardInterrupt:
        call.cancel()
        raise
    if imported.summary is None:
        raise click.ClickException(
            "the report of the import ended too early; run the import again, it completes the rest"
        )
    return imported


def _requests(file: IO[bytes], dry_run: bool) -> Iterator[transfer_pb2.ImportCatalogRequest]:
    yield transfer_pb2.ImportCatalogRequest(dry_run=dry_run)
    while piece := file.read(_PIECE_BYTES):
        body = httpbody_pb2.HttpBody(content_type="text/csv", data=piece)
        yield transfer_pb2.ImportCatalogRequest(file=body)
