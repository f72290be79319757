"""What processes cost: CPU seconds and memory, as the kernel counts them in /proc (Linux only)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# utime and stime, then the same of children that have ended: proc_pid_stat(5).
_OWN, _WITH_ENDED = slice(11, 13), slice(11, 15)


def cpu_seconds(pids: Iterable[int], *, ended_children: bool = False) -> float:
    """User and system time of the processes so far, all threads; with that of children that have come and gone, if asked."""
    return sum(_cpu_seconds(pid, _WITH_ENDED if ended_children else _OWN) for pid in pids)


def _cpu_seconds(pid: int, times: slice) -> float:
    # The program's name may hold spaces and brackets; the fields start behind its last one.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[times])) / _TICKS


def with_descendants(pid: int) -> list[int]:
    """A process and all that come from it, as they are now."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            # It has ended since.
            continue
        parents[int(folder.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def forget_peak(pid: int) -> None:
    """Starts the peak of a process's memory anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process now and at its peak, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {name: value for name, _, value in (line.partition(":") for line in lines)}
    now, peak = (int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak
