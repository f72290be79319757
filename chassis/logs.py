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
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TextIO

from chassis.context import current_call

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
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
        try:
            call = current_call()
        except LookupError:
            pass
        else:
            line["request_id"] = call.request_id
            line["actor"] = call.principal.username
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
    """Writes what a few milliseconds brought at once; without a running event loop, and in bad news, every line."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one record; called under the handler's lock."""
        try:
            self._lines.append(self.format(record))
            if record.levelno >= logging.WARNING:
                self.flush()
            elif len(self._lines) == 1:
                self._flush_soon()
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Writes everything that was taken so far."""
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join([*lines, ""]))
            super().flush()

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(_GATHER_SECONDS, self.flush)
        except RuntimeError:  # no loop here
            self.flush()


def tell(logger: logging.Logger, message: str, fields: Mapping[str, object]) -> None:
    """Logs at INFO, for the hottest line: without looking for its place in the code, which costs as much as the line."""
    record = logger.makeRecord(logger.name, logging.INFO, "", 0, message, (), None)
    record.told = fields
    logger.handle(record)


def set_up(service: str, level: str) -> None:
    """Sends all logs of this process to standard error."""
    handler = GatheringHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("httpx", "httpcore", "httpx2", "httpcore2", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
