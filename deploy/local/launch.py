"""Becomes another program that dies with its parent: `python launch.py PARENT SIGNAL USER PROGRAM [ARGUMENT...]`.

A program of its own rather than a hook between fork and exec, because such hooks are unsafe in a parent that has threads. It
runs without site packages, so it imports nothing but the standard library.
"""

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1


def become(user: str) -> None:
    """Drops root's rights for those of `user`; an empty name keeps them."""
    if not user:
        return
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def die_with(parent: int, signal_number: int) -> None:
    """Asks the kernel for `signal_number` when the parent ends; without effect where the kernel is not Linux."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # It ended before the request was in place.
        raise SystemExit(1)


def main() -> None:
    """Replaces this process; never returns."""
    parent, signal_number, user, *command = sys.argv[1:]
    # A change of user clears the request, so it comes second.
    become(user)
    die_with(int(parent), int(signal_number))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
