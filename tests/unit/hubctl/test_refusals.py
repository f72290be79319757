"""What a person reads when the hub says no, and feeds that are taken up where they broke."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import grpc
import pytest

from hubctl import watch
from hubctl.client import HubNotThere, NotSignedIn, WrongRequest, failure

URL = "http://127.0.0.1:8123"


class Refusal(grpc.RpcError):  # type: ignore[misc]  # grpc ships no types
    """An answer with a status and without details."""

    def __init__(self, code: grpc.StatusCode, text: str = "said the hub") -> None:
        super().__init__(text)
        self._code, self._text = code, text

    def code(self) -> grpc.StatusCode:
        """The status."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self._text

    def trailing_metadata(self) -> tuple[()]:
        """Nothing."""
        return ()


class Message:
    """One of a feed."""

    def __init__(self, token: str) -> None:
        self.resume_token = token


@pytest.fixture(autouse=True)
def no_local_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which no hub runs."""
    monkeypatch.setenv("HUB_STATE_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, click.ClickException, 1),
        (grpc.StatusCode.INVALID_ARGUMENT, WrongRequest, 2),
        (grpc.StatusCode.UNAVAILABLE, HubNotThere, 3),
        (grpc.StatusCode.UNAUTHENTICATED, NotSignedIn, 1),
        (grpc.StatusCode.DEADLINE_EXCEEDED, HubNotThere, 3),
    ],
)
def test_each_kind_of_refusal_has_an_exit_status(code: Any, kind: type[click.ClickException], status: int) -> None:
    found = failure(Refusal(code), URL)
    assert type(found) is kind
    assert found.exit_code == status


def test_a_hub_that_is_not_there_is_told_with_its_address_and_what_to_do() -> None:
    text = failure(Refusal(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses"), URL).format_message()
    assert text == f"no hub answers at {URL}; start one with `make run`, or name another with --url"


def test_the_hub_of_this_folder_is_pointed_to_when_another_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "hub.json").write_text('{"gateway_url": "http://127.0.0.1:9"}')
    text = failure(Refusal(grpc.StatusCode.UNAVAILABLE, "failed to connect"), URL).format_message()
    assert "http://127.0.0.1:9" in text
    assert "sign-in --local" in text


def test_an_ended_session_says_how_to_sign_in() -> None:
    text = failure(Refusal(grpc.StatusCode.UNAUTHENTICATED, "The session has ended."), URL).format_message()
    assert text.startswith("The session has ended.\nSign in with `hubctl sign-in`")


def test_a_feed_is_taken_up_behind_the_last_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_RECONNECT_SECONDS", 0)
    asked: list[str] = []

    def open_stream(token: str) -> Iterator[Message]:
        asked.append(token)
        yield Message(f"{token}1")
        raise Refusal(grpc.StatusCode.UNAVAILABLE)

    feed = watch.follow(open_stream)
    assert [next(feed).resume_token for _ in range(3)] == ["1", "11", "111"]
    assert asked == ["", "1", "11"]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED])
def test_a_feed_that_cannot_begin_says_so(code: grpc.StatusCode) -> None:
    def open_stream(token: str) -> Iterator[Message]:
        raise Refusal(code)

    with pytest.raises(grpc.RpcError):
        next(watch.follow(open_stream))


def test_a_feed_whose_token_is_too_old_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_RECONNECT_SECONDS", 0)

    def open_stream(token: str) -> Iterator[Message]:
        if token:
            raise Refusal(grpc.StatusCode.OUT_OF_RANGE)
        yield Message("1")
        raise Refusal(grpc.StatusCode.UNAVAILABLE)

    with pytest.raises(grpc.RpcError, match="said the hub"):
        list(watch.follow(open_stream))


def test_a_feed_that_can_begin_afresh_does_so_when_its_token_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_RECONNECT_SECONDS", 0)
    asked: list[str] = []

    def open_stream(token: str) -> Iterator[Message]:
        asked.append(token)
        if token:
            raise Refusal(grpc.StatusCode.OUT_OF_RANGE)
        yield Message("1")
        raise Refusal(grpc.StatusCode.UNAVAILABLE)

    feed = watch.follow(open_stream, afresh=True)
    assert [next(feed).resume_token for _ in range(2)] == ["1", "1"]
    assert asked == ["", "1", ""]
