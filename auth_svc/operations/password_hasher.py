"""argon2id off the event loop, a few at a time: hashing is meant to be slow and large, and must starve nothing else."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import argon2

from auth_svc.domain.password import normalized
from auth_svc.operations.fair_turns import FairTurns

T = TypeVar("T")


def standard_argon2() -> argon2.PasswordHasher:
    """The parameters: 32 MiB, three passes, one lane; above the minimum OWASP names."""
    return argon2.PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


class PasswordHasher:
    """At most `workers` hashes at a time; more callers wait for their turn, and too many are refused."""

    def __init__(self, workers: int = 2, argon: argon2.PasswordHasher | None = None) -> None:
        self._argon = argon or standard_argon2()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._turns = FairTurns(workers)
        # Checked when there is no such user, so that the time of the answer does not tell.
        self._nobody = self._argon.hash(secrets.token_urlsafe())

    @property
    def waiting(self) -> int:
        """How many wait for a worker now."""
        return self._turns.waiting

    def turn(self, address: str = "") -> AbstractAsyncContextManager[None]:
        """Waits for one of the workers to be free; every address gets one in its order. Raises ResourceExhausted."""
        return self._turns.turn(address)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one hashed; False, in equal time, for no hash. Call it within a turn."""
        right = await self._in_thread(lambda: self._verify(password_hash or self._nobody, password))
        return right and password_hash is not None

    async def hash(self, password: str, address: str = "") -> str:
        """The hash to store; waits for a turn."""
        async with self.turn(address):
            return await self._in_thread(lambda: self._argon.hash(normalized(password)))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._argon.check_needs_rehash(password_hash)

    async def close(self) -> None:
        """Lets the workers end."""
        self._threads.shutdown(wait=False)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._argon.verify(password_hash, normalized(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
