"""What many callers ask while one batch is under way goes out together as the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Batcher(Generic[Question, Answer]):
    """One batch in flight at a time, of at most `most` questions; a caller's questions are never split over two."""

    def __init__(self, send: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], *, most: int) -> None:
        """`send` answers every question, in order."""
        self._send = send
        self._most = most
        self._waiting: deque[tuple[Sequence[Question], asyncio.Future[list[Answer]]]] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Returns the answers to these questions; raises what `send` raised for the batch they were in.

        A caller that is cancelled leaves its questions in: they may be under way.
        """
        told: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append((questions, told))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        return await told

    async def aclose(self) -> None:
        """Stops sending; whoever still waits is cancelled."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        for _, told in self._waiting:
            told.cancel()
        self._waiting.clear()

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                await self._send_next()
        finally:
            self._sender = None

    async def _send_next(self) -> None:
        taken = self._take()
        questions = [question for asked, _ in taken for question in asked]
        try:
            answers = await self._send(questions)
        except Exception as error:
            for _, told in taken:
                if not told.done():
                    told.set_exception(error)
            return
        except BaseException:
            for _, told in taken:
                told.cancel()
            raise
        begin = 0
        for asked, told in taken:
            if not told.done():
                told.set_result(list(answers[begin : begin + len(asked)]))
            begin += len(asked)

    def _take(self) -> list[tuple[Sequence[Question], asyncio.Future[list[Answer]]]]:
        taken = [self._waiting.popleft()]
        count = len(taken[0][0])
        while self._waiting and count + len(self._waiting[0][0]) <= self._most:
            taken.append(self._waiting.popleft())
            count += len(taken[-1][0])
        return taken
