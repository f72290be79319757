"""The queue that notifications are put into: at least once, in no order, hidden while being worked on, kept across restarts."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import asdict, dataclass

from sandbox.wire import Json
from sandbox.world import World

QUEUE_NAME = "usav-hub-notifications"
AWS_ACCOUNT = "000000000000"
REGION = "us-east-1"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{AWS_ACCOUNT}:{QUEUE_NAME}"
QUEUE_PATH = f"/sqs/{AWS_ACCOUNT}/{QUEUE_NAME}"
_KEPT = 20_000
_RETENTION_S = 4 * 86_400
_LOOK_AGAIN_S = 1.0


@dataclass(slots=True)
class Message:
    """One message; it can be received again once its visibility time is over."""

    message_id: str
    body: str
    sent_at: float
    visible_at: float
    receipt: str = ""
    received: int = 0


class Queue:
    """The one queue of the hub, by the marketplaces' clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._by_receipt: dict[str, str] = {}
        self._arrived: set[asyncio.Future[None]] = set()
        world.keeper.register("amazon.message", self._dump, self._restore)

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def hidden(self) -> int:
        """Messages someone is working on."""
        now = self._world.clock.seconds()
        return sum(message.visible_at > now for message in self._messages.values())

    def put(self, body: Json) -> None:
        """Puts a message in; the oldest goes when there are too many."""
        now = self._world.clock.seconds()
        message = Message(str(uuid.uuid4()), json.dumps(body), now, now)
        self._messages[message.message_id] = message
        self._world.keeper.touch("amazon.message", message.message_id)
        if len(self._messages) > _KEPT:
            self._drop(next(iter(self._messages)))
        for future in self._arrived:
            if not future.done():
                future.set_result(None)

    async def receive(self, most: int, wait_s: float, hidden_s: float) -> list[Message]:
        """Up to so many messages, hidden from now on, as soon as there is one or the wait is over."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while not (found := self._visible(most)):
            if not await self._may_look_again(deadline):
                return []
        for message in found:
            self._hand_out(message, hidden_s)
        return found

    def delete(self, receipt: str) -> None:
        """Takes a message out; an old or unknown receipt changes nothing."""
        self._drop(self._by_receipt.get(receipt, ""))

    def hide(self, receipt: str, hidden_s: float) -> bool:
        """Hides a message for so long from now on; False when the receipt is not known."""
        message = self._messages.get(self._by_receipt.get(receipt, ""))
        if message is not None:
            message.visible_at = self._world.clock.seconds() + hidden_s
        return message is not None

    def clear(self) -> None:
        """Empties the queue."""
        self._messages.clear()
        self._by_receipt.clear()

    def _visible(self, most: int) -> list[Message]:
        now = self._world.clock.seconds()
        for message in [one for one in self._messages.values() if one.sent_at < now - _RETENTION_S]:
            self._drop(message.message_id)
        found: list[Message] = []
        for message in self._messages.values():
            if message.visible_at <= now:
                found.append(message)
            if len(found) == most:
                break
        return found

    def _hand_out(self, message: Message, hidden_s: float) -> None:
        self._by_receipt.pop(message.receipt, None)
        message.receipt, message.received = str(uuid.uuid4()), message.received + 1
        message.visible_at = self._world.clock.seconds() + hidden_s
        self._by_receipt[message.receipt] = message.message_id
        self._world.keeper.touch("amazon.message", message.message_id)

    async def _may_look_again(self, deadline: float) -> bool:
        """Waits until something arrives, or a while, in which a hidden message may have come back. False at the deadline."""
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.add(future)
        try:
            await asyncio.wait_for(future, min(left, _LOOK_AGAIN_S))
        except TimeoutError:
            return True
        finally:
            self._arrived.discard(future)
        return True

    def _drop(self, message_id: str) -> None:
        message = self._messages.pop(message_id, None)
        if message is not None:
            self._by_receipt.pop(message.receipt, None)
            self._world.keeper.touch("amazon.message", message_id)

    def _dump(self, key: str) -> Json | None:
        message = self._messages.get(key)
        return None if message is None else asdict(message)

    def _restore(self, key: str, document: Json) -> None:
        message = Message(**document)
        self._messages[key] = message
        if message.receipt:
            self._by_receipt[message.receipt] = key
