"""How the queue is spoken to: as SQS, with JSON. Calls need no signature, but a wrong one is refused."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

from sandbox.amazon.queue import QUEUE_ARN, QUEUE_PATH, Message, Queue
from sandbox.amazon.signatures import read_proof, signature
from sandbox.wire import Answer, Call, Json, Refused, Router
from sandbox.world import World

ACCESS_KEY_ID = "AKIASANDBOXUSAVHUB01"
SECRET_ACCESS_KEY = "sandbox-aws-secret-access-key"  # a fixed one, worth nothing outside this sandbox
_TARGET = "AmazonSQS."
_MOST_MESSAGES = 10
_MOST_WAIT_S = 20
_MOST_HIDDEN_S = 43_200


class QueueCalls:
    """Handlers of the queue's service."""

    def __init__(self, world: World, queue: Queue) -> None:
        self._world = world
        self._queue = queue
        self._actions: dict[str, Callable[[Json], Json]] = {
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "GetQueueAttributes": self._attributes,
            "GetQueueUrl": lambda body: {"QueueUrl": f"{world.base_url}/amazon{QUEUE_PATH}"},
        }

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("queue", "POST /sqs", self.serve)
        router.add("queue", f"POST {QUEUE_PATH}", self.serve)

    async def serve(self, call: Call) -> Answer:
        """Answers one call."""
        try:
            _check_signer(call)
            return _answer(await self._act(_action(call), _body(call)))
        except Refused as refused:
            return refused.answer

    async def _act(self, action: str, body: Json) -> Json:
        if not str(body.get("QueueUrl", QUEUE_PATH)).endswith(QUEUE_PATH):
            raise _error("QueueDoesNotExist", "The specified queue does not exist.")
        if action == "ReceiveMessage":
            return await self._receive(body)
        if action not in self._actions:
            raise _error("InvalidAction", "The action or operation requested is not valid.")
        return self._actions[action](body)

    async def _receive(self, body: Json) -> Json:
        usual_s = self._world.switches.amazon.visibility_timeout_s
        found = await self._queue.receive(
            int(_number(body, "MaxNumberOfMessages", 1, 1, _MOST_MESSAGES)),
            _number(body, "WaitTimeSeconds", 0, 0, _MOST_WAIT_S),
            _number(body, "VisibilityTimeout", usual_s, 0, _MOST_HIDDEN_S),
        )
        return {"Messages": [_document(message) for message in found]} if found else {}

    def _delete(self, body: Json) -> Json:
        self._queue.delete(_receipt(body))
        return {}

    def _delete_batch(self, body: Json) -> Json:
        entries = body.get("Entries")
        if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_MESSAGES:
            raise _error("EmptyBatchRequest", "The batch request has no entries or too many.")
        for entry in entries:
            self._delete(entry if isinstance(entry, dict) else {})
        return {"Successful": [{"Id": str(entry.get("Id", ""))} for entry in entries], "Failed": []}

    def _change_visibility(self, body: Json) -> Json:
        if not self._queue.hide(_receipt(body), _number(body, "VisibilityTimeout", 0, 0, _MOST_HIDDEN_S)):
            raise _error("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        return {}

    def _attributes(self, body: Json) -> Json:
        hidden = self._queue.hidden
        counts = {
            "ApproximateNumberOfMessages": len(self._queue) - hidden,
            "ApproximateNumberOfMessagesNotVisible": hidden,
        }
        return {"Attributes": {"QueueArn": QUEUE_ARN, **{name: str(value) for name, value in counts.items()}}}


def operation(call: Call) -> str:
    """The name of a call in the log, as `queue_receive_message`."""
    action = _action(call)
    return f"queue{re.sub('([A-Z])', lambda found: '_' + found[1].lower(), action)}" if action.isalpha() else "queue"


def _action(call: Call) -> str:
    return call.headers.get("X-Amz-Target", "").removeprefix(_TARGET)


def _check_signer(call: Call) -> None:
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


def _document(message: Message) -> Json:
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


def _answer(body: Json) -> Answer:
    return Answer(200, body, content_type="application/x-amz-json-1.0")


def _error(code: str, message: str, status: int = 400) -> Refused:
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
    return Refused(Answer(status, body, content_type="application/x-amz-json-1.0"))
