"""Structured logs: one JSON object per line on standard error, with the request id and the actor of the present call.

Lines are gathered for some milliseconds and written together, because every write lets other threads in and waits to go on;
warnings and worse are written at once, with all that came before them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import TextIO

from chassis.context import Call, current_call

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "call"}
_GATHER_SECONDS = 0.02
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Renders a record and its `extra` fields; an exception comes with its stack, for the log only."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._second = -1
        self._second_text = ""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, object] = {
            "time": self._time(record.created),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        call = getattr(record, "call", None)
        if call is not None:
            line["request_id"] = call.request_id
            line["actor"] = call.principal.username
            if call.trace_id:
                line["trace_id"] = call.trace_id
        line.update(getattr(record, "told", None) or _extra(record))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)

    def _time(self, created: float) -> str:
        second = int(created)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{int((created - second) * 1000):03d}+00:00"


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class GatheringHandler(logging.StreamHandler[TextIO]):
    """Writes what a few milliseconds brought at once; without a running event loop, and in bad news, every line.

    Rendering waits as well: many records in a row cost a third of as many one by one.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one record; called under the handler's lock."""
        record.call = _present_call()
        self._records.append(record)
        if record.levelno >= logging.WARNING:
            self.flush()
        elif len(self._records) == 1:
            self._flush_soon()

    def flush(self) -> None:
        """Writes everything that was taken so far."""
        with self.lock or nullcontext():
            records, self._records = self._records, []
            lines = "".join(map(self._line, records))
            # A log that cannot be written has nowhere to be told of, and must not stop the work.
            with suppress(OSError, ValueError):
                self.stream.write(lines)
                self.stream.flush()

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record) + "\n"
        except Exception:
            self.handleError(record)
            return ""

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(_GATHER_SECONDS, self.flush)
        except RuntimeError:  # no loop here
            self.flush()


def _present_call() -> Call | None:
    try:
        return current_call()
    except LookupError:
        return None


def tell(logger: logging.Logger, message: str, fields: Mapping[str, object]) -> None:
    """Logs at INFO, for the hottest line: without looking for its place in the code, which costs as much as the line."""
    record = logger.makeRecord(logger.name, logging.INFO, "", 0, message, (), None)
    record.told = fields
    logger.handle(record)


def set_up(service: str, level: str) -> None:
    """Sends all logs of this process to standard error."""
    # Nothing of this is shown, and every record would look it up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = GatheringHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("httpx", "httpcore", "httpx2", "httpcore2", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
