"""Log lines: one JSON object each, gathered while an event loop runs, written at once when they matter or none runs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chassis.context import Principal, acting_as
from chassis.logs import GatheringHandler, JsonFormatter, tell


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[logging.Logger]:
    handler = GatheringHandler(stream)
    handler.setFormatter(JsonFormatter("test_svc"))
    made = logging.getLogger("test.logs")
    made.setLevel(logging.INFO)
    made.propagate = False
    made.addHandler(handler)
    yield made
    made.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_without_a_loop_a_line_is_written_at_once(log: logging.Logger, stream: io.StringIO) -> None:
    log.info("started on %s", "a port", extra={"port": 1})
    (line,) = lines(stream)
    assert (line["message"], line["port"], line["service"], line["level"]) == (
        "started on a port",
        1,
        "test_svc",
        "INFO",
    )
    assert abs(datetime.fromisoformat(str(line["time"])) - datetime.now(UTC)).total_seconds() < 5


async def test_lines_of_a_few_milliseconds_are_written_together(log: logging.Logger, stream: io.StringIO) -> None:
    with acting_as(Principal("1", "ann", "ADMIN")) as call:
        tell(log, "rpc", {"method": "/a", "ms": 1.5})
        tell(log, "rpc", {"method": "/b", "ms": 2.5})
    assert stream.getvalue() == ""
    await asyncio.sleep(0.1)
    first, second = lines(stream)
    assert (first["method"], second["method"]) == ("/a", "/b")
    assert (first["actor"], first["request_id"]) == ("ann", call.request_id)


async def test_bad_news_is_written_at_once_behind_what_came_before(log: logging.Logger, stream: io.StringIO) -> None:
    log.info("before")
    log.warning("bad")
    assert [line["message"] for line in lines(stream)] == ["before", "bad"]
    log.info("after")
    await asyncio.sleep(0.1)
    assert [line["message"] for line in lines(stream)] == ["before", "bad", "after"]


async def test_what_is_left_is_written_when_the_process_ends(log: logging.Logger, stream: io.StringIO) -> None:
    log.info("last words")
    log.handlers[0].flush()
    assert [line["message"] for line in lines(stream)] == ["last words"]


def test_an_exception_comes_with_its_stack(log: logging.Logger, stream: io.StringIO) -> None:
    try:
        raise RuntimeError("no disk")
    except RuntimeError:
        log.exception("broke")
    (line,) = lines(stream)
    assert "RuntimeError: no disk" in str(line["exception"])
