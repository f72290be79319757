"""The browser's way back: a server on this machine that takes one answer of a consent page, or a pasted address instead."""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

_PATH = "/callback"
_DONE = b"<!doctype html><meta charset=utf-8><title>hubctl</title><p>Thank you. You can close this page and go back to hubctl."
_LOOK_S = 0.2
_MOST_ANSWER_CHARS = 8000


class ConsentFailed(Exception):
    """The browser brought no code."""


@dataclass(frozen=True)
class Answer:
    """What a browser brought: the code, and the rest of the query."""

    code: str
    more: dict[str, str] = field(default_factory=dict)


def read_answer(address: str, state: str) -> Answer:
    """The answer in an address. Raises ConsentFailed when it was declined, or belongs to another consent."""
    query = dict(parse_qsl(urlsplit(address.strip()).query))
    if not hmac.compare_digest(query.pop("state", "").encode(), state.encode()):
        raise ConsentFailed("the answer belongs to another consent; begin anew")
    if "error" in query:
        raise ConsentFailed(query.get("error_description") or query["error"])
    code = query.pop("code", "") or query.pop("spapi_oauth_code", "")
    if not code:
        raise ConsentFailed("the answer holds no code")
    return Answer(code, {name: value for name, value in query.items() if len(name) <= 100 and len(value) <= 1000})


class Callback:
    """Listens on loopback for the browser. An answer with another state is refused, and waited on."""

    def __init__(self, port: int) -> None:
        """Raises OSError when the port is taken."""
        self._server = HTTPServer(("127.0.0.1", port), self._handler())
        self._state = ""
        self._answer: Answer | None = None
        self._failure: ConsentFailed | None = None

    @property
    def redirect_uri(self) -> str:
        """What the application must have registered."""
        return f"http://127.0.0.1:{self._server.server_port}{_PATH}"

    def wait(self, state: str, seconds: float) -> Answer:
        """The answer to the consent with this state. Raises ConsentFailed when it was declined, or did not come in time."""
        self._state = state
        thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_S,), daemon=True)
        thread.start()
        ends_at = time.monotonic() + seconds
        try:
            while self._answer is None and self._failure is None and time.monotonic() < ends_at:
                time.sleep(_LOOK_S)
        finally:
            self._server.shutdown()
            self._server.server_close()
        if self._failure is not None:
            raise self._failure
        if self._answer is None:
            raise ConsentFailed("no answer came from the browser in time")
        return self._answer

    def _take(self, path: str) -> bool:
        """Whether the address answers this consent."""
        if urlsplit(path).path != _PATH or len(path) > _MOST_ANSWER_CHARS or not self._state:
            return False
        query = dict(parse_qsl(urlsplit(path).query))
        if not hmac.compare_digest(query.get("state", "").encode(), self._state.encode()):
            return False
        try:
            self._answer = read_answer(path, self._state)
        except ConsentFailed as failure:
            self._failure = failure
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_taken = callback._take(self.path)
                self.send_response(200 if is_taken else 404)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("referrer-policy", "no-referrer")
                self.end_headers()
                self.wfile.write(_DONE if is_taken else b"")

            def log_message(self, format: str, *args: object) -> None:
                """The address holds the code: nothing is logged."""

        return Handler
