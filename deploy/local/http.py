"""The little HTTP the runner needs of its own processes: is it up, and please drain. Standard library only."""

from __future__ import annotations

import asyncio
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection


async def request(port: int, method: str, path: str, seconds: float = 2.0, *, tls: bool = False) -> tuple[int, bytes]:
    """Status and body of a request to this machine; status 0 when nobody answers in time."""
    return await asyncio.to_thread(_request, port, method, path, seconds, tls)


def _request(port: int, method: str, path: str, seconds: float, tls: bool) -> tuple[int, bytes]:
    connection = _connection(port, seconds, tls)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


def _connection(port: int, seconds: float, tls: bool) -> HTTPConnection:
    if not tls:
        return HTTPConnection("127.0.0.1", port, timeout=seconds)
    # It is the runner's own child on loopback; its certificate is for the names that others know it by.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection("127.0.0.1", port, timeout=seconds, context=context)
