"""`python -m deploy.local status`: whether a hub runs on a state folder, where, and what each process takes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import http
from deploy.local.state import StateFolder


async def print_status(state: StateFolder) -> int:
    """Prints it; 0 when the hub is healthy, 1 when not."""
    summary = state.read_summary()
    if summary is None or not state.is_locked():
        print(f"no hub runs on {state.path}")
        return 1
    url = urlsplit(summary.gateway_url)
    status, body = await http.request(url.port or 80, "GET", "/health", tls=url.scheme == "https")
    print(f"{summary.gateway_url}  {'healthy' if status == 200 else 'not healthy'}")
    for name, pid in sorted(summary.pids.items()):
        print(f"  {name:<14} {pid:>8}  {_resident(pid)}")
    if status != 200:
        print(body.decode(errors="replace"))
    return 0 if status == 200 else 1


def _resident(pid: int) -> str:
    """The process's memory as the kernel tells it, or that it is gone."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return "gone"
    lines = status.read_text().splitlines()
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmRSS")), "0")
    return f"{int(kilobytes) // 1024} MB"
