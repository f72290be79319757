"""What every server of the benchmark does once it knows its rpcs."""

from __future__ import annotations

import asyncio
import sys

import grpc


async def serve_on_loopback(server: grpc.aio.Server) -> None:
    """Prints its address, then serves until standard input ends."""
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)
