"""The little HTTP the runner needs of its own processes: is it up, and please drain. Standard library only."""

from __future__ import annotations

import asyncio
from http.client import HTTPConnection, HTTPException


async def request(port: int, method: str, path: str, seconds: float = 2.0) -> tuple[int, bytes]:
    """Status and body of a request to this machine; status 0 when nobody answers in time."""
    return await asyncio.to_thread(_request, port, method, path, seconds)


def _request(port: int, method: str, path: str, seconds: float) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()
