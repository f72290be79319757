"""A frugal HTTP/2 client for load: a real gRPC client costs as much as the server it loads, and on a small machine would mostly
measure itself.

It sends frames that are ready made and reads only what tells success: for gRPC that a message came and the stream was closed, for
JSON that the status is 200. It is no general client: no redirects, no Huffman coding, no continuation frames.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

Header = tuple[str, str]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_PADDED, _PRIORITY = 8, 32
_STATUS_200 = 0x88  # the static table's entry `:status: 200`
_TABLE_SIZE_UPDATE = 0x20
_FIRST_DYNAMIC_INDEX = 62
_LARGEST_WINDOW = 2**31 - 1
_GIVE_BACK = 2**24
_FRAME_HEAD = struct.Struct(">BHBBL")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    size = len(payload)
    return _FRAME_HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def grpc_message(serialized: bytes) -> bytes:
    """A message as it stands in a gRPC body."""
    return b"\0" + len(serialized).to_bytes(4, "big") + serialized


def _text(value: str) -> bytes:
    raw = value.encode()
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, size = len(raw) - 127, bytearray([127])
    while rest >= 128:
        size.append(rest % 128 + 128)
        rest //= 128
    size.append(rest)
    return bytes(size) + raw


def _literal(header: Header, *, remember: bool) -> bytes:
    return (b"\x40" if remember else b"\0") + _text(header[0]) + _text(header[1])


@dataclass(frozen=True)
class Requests:
    """What is sent: `headers` and `secret` with each (the latter never indexed, as gRPC does), paths and bodies in turn."""

    headers: Sequence[Header]
    secret: Sequence[Header]
    paths: Sequence[str]
    bodies: Sequence[bytes]

    def payloads(self) -> Iterator[tuple[bytes, bytes]]:
        """The path's header and the body of each request in turn, for ever."""
        paths = [_literal((":path", path), remember=False) for path in self.paths]
        bodies = list(self.bodies) or [b""]
        number = 0
        while True:
            yield paths[number % len(paths)], bodies[number % len(bodies)]
            number += 1

    def first_block(self) -> bytes:
        """The headers of a connection's first request, which the other side remembers."""
        return b"".join(_literal(header, remember=True) for header in self.headers) + self._secrets()

    def later_block(self) -> bytes:
        """The headers of the others: places in the table that the first one filled."""
        last = _FIRST_DYNAMIC_INDEX + len(self.headers) - 1
        return bytes(0x80 | (last - place) for place in range(len(self.headers))) + self._secrets()

    def _secrets(self) -> bytes:
        return b"".join(_literal(header, remember=False) for header in self.secret)


@dataclass
class Tally:
    """What came back. `latencies` are seconds, in the order of the answers."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0


class Connection(asyncio.Protocol):
    """One connection that keeps `streams` requests under way for as long as `more` gives it a payload."""

    def __init__(
        self, requests: Requests, tally: Tally, streams: int, more: Callable[[], tuple[bytes, bytes] | None]
    ) -> None:
        self._requests = requests
        self._tally = tally
        self._streams = streams
        self._more = more
        self._block = requests.first_block()
        self._under_way: dict[int, float] = {}
        self._good: set[int] = set()
        self._next = 1
        self._received = 0
        self._buffer = b""
        self._by_message = any(name == "content-type" and "grpc" in value for name, value in requests.headers)
        self._transport: asyncio.Transport
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        settings = struct.pack(">HL", 4, _LARGEST_WINDOW)
        window = struct.pack(">L", _LARGEST_WINDOW - 65_535)
        self._transport.write(_PREFACE + frame(_SETTINGS, 0, 0, settings) + frame(_WINDOW_UPDATE, 0, 0, window))
        for _ in range(self._streams):
            self._send()
        self._end_when_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.failed += len(self._under_way)
        if not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        start, size = 0, len(buffer)
        while size - start >= 9:
            end = start + 9 + int.from_bytes(buffer[start : start + 3], "big")
            if end > size:
                break
            self._take(buffer[start + 3], buffer[start + 4], buffer, start, end)
            start = end
        self._buffer = buffer[start:]
        self._end_when_idle()

    def _take(self, kind: int, flags: int, buffer: bytes, start: int, end: int) -> None:
        stream = int.from_bytes(buffer[start + 5 : start + 9], "big")
        if kind == _HEADERS:
            self._take_headers(stream, flags, buffer[start + 9 : end])
        elif kind == _DATA:
            self._take_data(stream, flags, end - start - 9)
        elif kind == _RESET:
            self._good.discard(stream)
            self._finish(stream)
        elif kind == _SETTINGS and not flags & _ACK:
            self._transport.write(frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._transport.write(frame(_PING, _ACK, 0, buffer[start + 9 : end]))
        elif kind == _GOAWAY:
            self._transport.close()

    def _take_headers(self, stream: int, flags: int, block: bytes) -> None:
        if not self._by_message:
            at = (flags & _PADDED > 0) + (5 if flags & _PRIORITY else 0)
            while block[at] & 0xE0 == _TABLE_SIZE_UPDATE:
                at += 1 + (block[at] & 0x1F == 0x1F) * 2
            if block[at] == _STATUS_200:
                self._good.add(stream)
        if flags & _END_STREAM:
            self._finish(stream)

    def _take_data(self, stream: int, flags: int, size: int) -> None:
        if self._by_message and size:
            self._good.add(stream)
        self._received += size
        if self._received > _GIVE_BACK:
            self._transport.write(frame(_WINDOW_UPDATE, 0, 0, struct.pack(">L", self._received)))
            self._received = 0
        if flags & _END_STREAM:
            self._finish(stream)

    def _finish(self, stream: int) -> None:
        began = self._under_way.pop(stream, None)
        if began is None:
            return
        if stream in self._good:
            self._good.discard(stream)
            self._tally.latencies.append(time.perf_counter() - began)
        else:
            self._tally.failed += 1
        self._send()

    def _send(self) -> None:
        payload = self._more()
        if payload is None:
            return
        path, body = payload
        stream, self._next = self._next, self._next + 2
        flags = _END_HEADERS if body else _END_HEADERS | _END_STREAM
        frames = frame(_HEADERS, flags, stream, path + self._block)
        if body:
            frames += frame(_DATA, _END_STREAM, stream, body)
        if stream == 1:
            self._block = self._requests.later_block()
        self._under_way[stream] = time.perf_counter()
        self._transport.write(frames)

    def _end_when_idle(self) -> None:
        if not self._under_way:
            self._transport.close()
