"""The queue notifications are put into, spoken to as SQS with JSON: at least once, in no order, hidden while being worked on."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sandbox.amazon.signatures import read_proof, signature
from sandbox.wire import Answer, Call, Json, Refused, Router
from sandbox.world import World

QUEUE_NAME = "usav-hub-notifications"
AWS_ACCOUNT = "000000000000"
REGION = "us-east-1"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{AWS_ACCOUNT}:{QUEUE_NAME}"
ACCESS_KEY_ID = "AKIASANDBOXUSAVHUB01"
SECRET_ACCESS_KEY = "sandbox-aws-secret-access-key"  # a fixed one, worth nothing outside this sandbox
QUEUE_PATH = f"/sqs/{AWS_ACCOUNT}/{QUEUE_NAME}"
_TARGET = "AmazonSQS."
_KEPT = 20_000
_MOST_MESSAGES = 10
_MOST_WAIT_S = 20
_RETENTION_S = 4 * 86_400


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
    """The one queue of the hub, and the handlers of its service."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._by_receipt: dict[str, str] = {}
        self._arrived: set[asyncio.Future[None]] = set()
        world.keeper.register("amazon.message", self._dump, self._restore)

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("queue", "POST /sqs", self.serve)
        router.add("queue", f"POST {QUEUE_PATH}", self.serve)

    def __len__(self) -> int:
        return len(self._messages)

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

    def clear(self) -> None:
        """Empties the queue."""
        self._messages.clear()
        self._by_receipt.clear()

    def operation(self, call: Call) -> str:
        """The name of a call in the log, as `queue_receive_message`."""
        action = call.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
        return (
            f"queue{re.sub('([A-Z])', lambda found: '_' + found[1].lower(), action)}" if action.isalpha() else "queue"
        )

    async def serve(self, call: Call) -> Answer:
        """Answers one call of the service."""
        try:
            _check_signer(call)
            return await self._answer(call)
        except Refused as refused:
            return refused.answer

    async def _answer(self, call: Call) -> Answer:
        action = call.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
        body = _body(call)
        if not str(body.get("QueueUrl", QUEUE_PATH)).endswith(QUEUE_PATH):
            raise _error("QueueDoesNotExist", "The specified queue does not exist.")
        handlers: dict[str, Callable[[Json], Json]] = {
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "GetQueueAttributes": self._attributes,
            "GetQueueUrl": lambda body: {"QueueUrl": f"{self._world.base_url}/amazon{QUEUE_PATH}"},
        }
        if action == "ReceiveMessage":
            return _answer(await self._receive(body))
        if action not in handlers:
            raise _error("InvalidAction", "The action or operation requested is not valid.")
        return _answer(handlers[action](body))

    async def _receive(self, body: Json) -> Json:
        most = _number(body, "MaxNumberOfMessages", 1, 1, _MOST_MESSAGES)
        wait_s = _number(body, "WaitTimeSeconds", 0, 0, _MOST_WAIT_S)
        hidden_s = _number(body, "VisibilityTimeout", self._world.switches.amazon.visibility_timeout_s, 0, 43_200)
        deadline = asyncio.get_running_loop().time() + wait_s
        while not (found := self._visible(int(most))):
            if not await self._arrives_before(deadline):
                return {}
        return {"Messages": [self._handed_out(message, hidden_s) for message in found]}

    def _visible(self, most: int) -> list[Message]:
        now = self._world.clock.seconds()
        for message in [one for one in self._messages.values() if one.sent_at < now - _RETENTION_S]:
            self._drop(message.message_id)
        found = []
        for message in self._messages.values():
            if message.visible_at <= now:
                found.append(message)
            if len(found) == most:
                break
        return found

    def _handed_out(self, message: Message, hidden_s: float) -> Json:
        self._by_receipt.pop(message.receipt, None)
        message.receipt, message.received = str(uuid.uuid4()), message.received + 1
        message.visible_at = self._world.clock.seconds() + hidden_s
        self._by_receipt[message.receipt] = message.message_id
        self._world.keeper.touch("amazon.message", message.message_id)
        return {
            "MessageId": message.message_id,
            "ReceiptHandle": message.receipt,
            "MD5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
            "Body": message.body,
            "Attributes": {
                "ApproximateReceiveCount": str(message.received),
                "SentTimestamp": str(int(message.sent_at * 1000)),
            },
        }

    async def _arrives_before(self, deadline: float) -> bool:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.add(future)
        try:
            # A hidden message may come back meanwhile, without anything arriving.
            await asyncio.wait_for(future, min(left, 1.0))
        except TimeoutError:
            return True
        finally:
            self._arrived.discard(future)
        return True

    def _delete(self, body: Json) -> Json:
        self._drop(self._by_receipt.get(_receipt(body), ""))
        return {}

    def _delete_batch(self, body: Json) -> Json:
        entries = body.get("Entries")
        if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_MESSAGES:
            raise _error("EmptyBatchRequest", "The batch request has no entries or too many.")
        for entry in entries:
            self._delete(entry if isinstance(entry, dict) else {})
        return {"Successful": [{"Id": str(entry.get("Id", ""))} for entry in entries], "Failed": []}

    def _change_visibility(self, body: Json) -> Json:
        message = self._messages.get(self._by_receipt.get(_receipt(body), ""))
        if message is None:
            raise _error("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        message.visible_at = self._world.clock.seconds() + _number(body, "VisibilityTimeout", 0, 0, 43_200)
        return {}

    def _attributes(self, body: Json) -> Json:
        now = self._world.clock.seconds()
        hidden = sum(message.visible_at > now for message in self._messages.values())
        counts = {
            "ApproximateNumberOfMessages": len(self._messages) - hidden,
            "ApproximateNumberOfMessagesNotVisible": hidden,
        }
        return {"Attributes": {"QueueArn": QUEUE_ARN, **{name: str(value) for name, value in counts.items()}}}

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


def _check_signer(call: Call) -> None:
    """Whoever signs must do so rightly; nobody has to, for nothing here is worth it."""
    header = call.headers.get("Authorization", "")
    if not header:
        return
    proof = read_proof(header)
    if proof is None or proof.access_key_id != ACCESS_KEY_ID:
        raise _error("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    expected = signature(
        SECRET_ACCESS_KEY,
        proof.scope,
        method=call.method,
        path=f"/amazon{call.path}",
        raw_query=call.raw_query,
        headers=call.headers,
        signed_headers=proof.signed_headers,
        body=call.body,
    )
    if not hmac.compare_digest(expected, proof.signature):
        raise _error(
            "SignatureDoesNotMatch", "The request signature we calculated does not match the one provided.", 403
        )


def _body(call: Call) -> Json:
    try:
        body = call.parsed()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _error("SerializationException", "The request body is not valid JSON.")
    return body


def _receipt(body: Json) -> str:
    receipt = body.get("ReceiptHandle")
    if not isinstance(receipt, str) or not receipt:
        raise _error("MissingParameter", "The request must contain the parameter ReceiptHandle.")
    return receipt


def _number(body: Json, name: str, default: float, least: float, most: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _error("InvalidParameterValue", f"Value for parameter {name} is invalid.")
    return value


def _answer(body: Json) -> Answer:
    return Answer(200, body, content_type="application/x-amz-json-1.0")


def _error(code: str, message: str, status: int = 400) -> Refused:
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
    return Refused(Answer(status, body, content_type="application/x-amz-json-1.0"))
