"""`python -m deploy.containers.reload inventory_svc`: a service that starts again when its code changes; to develop with only."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

_ROOT = Path(__file__).resolve().parent.parent.parent
_SHARED = ("chassis", "gen")
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 9.0


def main() -> int:
    """Runs until it is asked to stop; a service that ended by itself waits for the next change."""
    if len(sys.argv) != 2 or not (_ROOT / sys.argv[1]).is_dir():
        print("usage: python -m deploy.containers.reload PACKAGE", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    folders = [_ROOT / name for name in (*_SHARED, sys.argv[1])]
    child = _start(sys.argv[1])
    try:
        _watch(sys.argv[1], folders, child)
    except KeyboardInterrupt:
        return 0
    return 0


def _watch(package: str, folders: list[Path], child: subprocess.Popen[bytes]) -> None:
    seen = newest(folders)
    try:
        while True:
            time.sleep(_LOOK_SECONDS)
            found = newest(folders)
            if found != seen:
                seen = found
                print(f"reload: {package} has changed", flush=True)
                _end(child)
                child = _start(package)
    finally:
        _end(child)


def newest(folders: list[Path]) -> tuple[int, float]:
    """How many files of code there are, and when the last one was changed: a deleted one shows, too."""
    times = [path.stat().st_mtime for folder in folders for path in folder.rglob("*.py")]
    return len(times), max(times, default=0.0)


def _start(package: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-P", "-m", package])


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
