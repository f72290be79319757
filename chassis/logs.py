"""Structured logs: one JSON object per line on standard error, with the request id and the actor of the present call."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from chassis.context import current_call

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record and its `extra` fields; an exception comes with its stack, for the log only."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
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
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(service: str, level: str) -> None:
    """Sends all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("httpx", "httpcore", "httpx2", "httpcore2", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
