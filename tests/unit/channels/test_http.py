"""The wire: which failure means what, how much is read, and what is not logged."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx2
import pytest

from sync_svc.channels import http
from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.channels.codec import encode, retry_after
from sync_svc.channels.http import Answer, Failure, Wire
from sync_svc.channels.limits import Limit
from sync_svc.channels.quota import Throttle
from tests.unit.channels.doubles import Platform, fails, reply


def make_wire(platform: Platform, explanation: Failure | None = None) -> Wire:
    return Wire(
        name="TEST/ONE",
        base_url="https://platform.test/v1/",
        throttle=Throttle(Limit(1000.0, 1000)),
        explain=lambda answer: explanation,
        transport=platform.transport,
    )


async def outcome_of(platform: Platform, method: str = "POST", explanation: Failure | None = None) -> ChannelError:
    with pytest.raises(ChannelError) as failure:
        await make_wire(platform, explanation).send(method, "/thing", operation="things", json_body={})
    return failure.value


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, Outcome.PERMANENT),
        (400, Outcome.PERMANENT),
        (401, Outcome.AUTH),
        (404, Outcome.PERMANENT),
        (408, Outcome.UNKNOWN),
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (503, Outcome.RETRY),
        (504, Outcome.UNKNOWN),
        (599, Outcome.RETRY),
    ],
)
async def test_status_of_a_write_decides_its_outcome(status: int, outcome: Outcome) -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", (status, "<html>Something</html>"))
    error = await outcome_of(platform)
    assert error.outcome is outcome
    assert error.code == f"http_{status}"
    assert "<html>" not in error.message


@pytest.mark.parametrize("error", [httpx2.ReadTimeout, httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.WriteError])
async def test_write_without_an_answer_is_unknown_and_a_read_may_be_repeated(
    error: type[httpx2.TransportError],
) -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", fails(error))
    platform.on("GET", "/v1/thing", fails(error))
    assert (await outcome_of(platform, "POST")).outcome is Outcome.UNKNOWN
    assert (await outcome_of(platform, "GET")).outcome is Outcome.RETRY


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout])
async def test_write_that_was_never_sent_may_be_repeated(error: type[httpx2.TransportError]) -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", fails(error))
    assert (await outcome_of(platform)).outcome is Outcome.RETRY


@pytest.mark.parametrize("body", ["{broken", "<html>OK</html>", '{"price": NaN}', "[" * 100_000])
async def test_success_that_cannot_be_read_leaves_a_write_in_doubt(body: str) -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", (200, body))
    platform.on("GET", "/v1/thing", (200, body))
    assert (await outcome_of(platform, "POST")).outcome is Outcome.UNKNOWN
    assert (await outcome_of(platform, "GET")).outcome is Outcome.RETRY


async def test_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 500
            yield b"x" * 500

    platform = Platform()
    platform.on("GET", "/v1/thing", lambda call: httpx2.Response(200, content=endless()))
    assert (await outcome_of(platform, "GET")).outcome is Outcome.RETRY
    assert sent <= 2000


async def test_too_many_requests_stops_the_account_for_the_time_asked() -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", lambda call: reply(429, Retry_After="17"))
    wire = make_wire(platform)
    with pytest.raises(ChannelError) as first:
        await wire.send("POST", "/thing", operation="things")
    assert first.value.retry_after_s == 17.0
    with pytest.raises(ChannelError) as second:
        await wire.send("GET", "/other", operation="others")
    assert second.value.code == "QUOTA"
    assert second.value.outcome is Outcome.RETRY
    assert len(platform.calls) == 1


async def test_platforms_own_words_win_over_the_status() -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", (500, {"why": "because"}))
    error = await outcome_of(platform, explanation=Failure(Outcome.PERMANENT, "42", "because"))
    assert (error.outcome, error.code, error.message) == (Outcome.PERMANENT, "42", "things: because")


@pytest.mark.parametrize(("status", "outcome"), [(401, Outcome.AUTH), (429, Outcome.RETRY), (503, Outcome.RETRY)])
async def test_some_statuses_win_over_the_platforms_words(status: int, outcome: Outcome) -> None:
    platform = Platform()
    platform.on("POST", "/v1/thing", (status, {"why": "because"}))
    error = await outcome_of(platform, explanation=Failure(Outcome.PERMANENT, "42", "because"))
    assert (error.outcome, error.code) == (outcome, "42")


@pytest.mark.parametrize(("method", "outcome"), [("POST", Outcome.PERMANENT), ("GET", Outcome.PERMANENT)])
async def test_error_within_a_success_is_an_error(method: str, outcome: Outcome) -> None:
    platform = Platform()
    platform.on(method, "/v1/thing", (200, {"why": "because"}))
    error = await outcome_of(platform, method, explanation=Failure(Outcome.PERMANENT, "42", "because"))
    assert error.outcome is outcome


async def test_numbers_come_exactly_and_accepted_errors_are_answers() -> None:
    platform = Platform()
    platform.on("GET", "/v1/thing", (404, '{"price": 19.99, "id": 9007199254740993}'))
    answer = await make_wire(platform).send("GET", "/thing", operation="things", accept=frozenset({404}))
    assert answer.body == {"price": Decimal("19.99"), "id": 9007199254740993}
    assert not answer.ok


async def test_log_names_the_call_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    platform = Platform()
    platform.on("GET", "/v1/thing", (200, {"access_token": "hush"}))
    caplog.set_level(logging.DEBUG)
    headers = {"authorization": "Bearer hush"}
    await make_wire(platform).send("GET", "/thing", operation="things", headers=headers, params={"token": "hush"})
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("sync_svc")]
    assert any("TEST/ONE things -> 200" in line for line in lines)
    assert not any("hush" in line for line in lines)


def test_amount_is_written_as_the_number_it_is() -> None:
    assert encode({"price": Decimal("19.99")}) == b'{"price":19.99}'


def test_retry_after_is_read_as_seconds_or_date_and_bounded() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after": "5"}) == 5.0
    assert retry_after({"retry-after": soon}) == pytest.approx(60.0, abs=5.0)
    assert retry_after({"retry-after": "-3"}) == 0.0
    assert retry_after({"retry-after": "1e12"}) == 3600.0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({}) is None


def test_answer_knows_success() -> None:
    assert Answer(207, {}, None).ok
    assert not Answer(304, {}, None).ok
