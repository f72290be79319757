"""Batches: up to 500 requests under one ticket, executed a little later and in order.

`stopOnFirstFailure` is true unless said otherwise; the same `deduplicationKey` within an hour gives the same ticket.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from sandbox.ecwid.errors import failure, json_body, refuse
from sandbox.wire import Answer, Call, Json, Router
from sandbox.world import World

_BASE = "/api/v3/{store_id}/batch"
_MAX_REQUESTS = 500
_KEY_LIFE_S = 3600
_TICKETS_KEPT = 2000
_TRIES_ON_5XX = 5
_STATUS_FAULTS = {"rate_limited", "server_error"}


@dataclass(slots=True)
class Ticket:
    """One batch and how far it has come."""

    ticket_id: str
    requests: list[Json]
    stop_on_first_failure: bool
    created_at: float
    status: str = "QUEUED"
    responses: list[Json] = field(default_factory=list)


class Batches:
    """Handlers of `batch`. `identify` and `answer` handle one request, without throttling."""

    def __init__(
        self, world: World, platform: str, identify: Callable[[Call], None], answer: Callable[[Call], Answer]
    ) -> None:
        self._world = world
        self._platform = platform
        self._identify = identify
        self._answer = answer
        self._tickets: dict[str, Ticket] = {}
        self._by_key: dict[str, Ticket] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        router.add("create_batch", f"POST {_BASE}", self.create)
        router.add("get_batch", f"GET {_BASE}", self.get)

    def clear(self) -> None:
        """Forgets tickets; batches under way are dropped."""
        for task in self._running:
            task.cancel()
        self._tickets.clear()
        self._by_key.clear()

    def create(self, call: Call) -> Answer:
        """Takes a batch and answers with its ticket."""
        requests = _checked(json_body(call))
        now, key = self._world.clock.seconds(), call.query.get("deduplicationKey", "")
        known = self._by_key.get(key) if key else None
        if known is not None and known.created_at > now - _KEY_LIFE_S:
            return Answer(200, {"ticket": known.ticket_id})
        stop = call.query.get("stopOnFirstFailure", "true").lower() != "false"
        ticket = Ticket(str(uuid.uuid4()), requests, stop, now)
        self._remember(ticket, key)
        task = asyncio.get_running_loop().create_task(self._execute(ticket, call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Answer(200, {"ticket": ticket.ticket_id})

    def get(self, call: Call) -> Answer:
        """How far a batch has come; the answers once they are there."""
        ticket = self._tickets.get(call.query.get("ticket", ""))
        if ticket is None:
            raise refuse(404, "Batch not found")
        escaped = call.query.get("escapedJson", "false").lower() == "true"
        body: Json = {
            "status": ticket.status,
            "totalRequests": len(ticket.requests),
            "completedRequests": sum(entry["status"] != "NOT_EXECUTED" for entry in ticket.responses),
        }
        if ticket.status == "COMPLETED":
            body["responses"] = [_escaped(entry) if escaped else entry for entry in ticket.responses]
        return Answer(200, body)

    def _remember(self, ticket: Ticket, key: str) -> None:
        self._tickets[ticket.ticket_id] = ticket
        if key:
            self._by_key[key] = ticket
        if len(self._tickets) > _TICKETS_KEPT:
            oldest = self._tickets.pop(next(iter(self._tickets)))
            self._by_key = {name: kept for name, kept in self._by_key.items() if kept is not oldest}

    async def _execute(self, ticket: Ticket, outer: Call) -> None:
        await asyncio.sleep(self._world.switches.ecwid.batch_delay_ms / 1000)
        ticket.status = "IN_PROGRESS"
        failed = False
        for index, request in enumerate(ticket.requests):
            if failed and ticket.stop_on_first_failure:
                ticket.responses.append(_not_executed(request))
                continue
            answer = self._one(ticket, outer, request)
            failed = failed or answer.status >= 400
            ticket.responses.append(_response(request, answer))
            if index % 25 == 24:
                await asyncio.sleep(0)
        ticket.status = "COMPLETED"

    def _one(self, ticket: Ticket, outer: Call, request: Json) -> Answer:
        for attempt in range(1, _TRIES_ON_5XX + 1):
            answer = self._try(ticket, outer, request)
            if answer.status < 500 or ticket.stop_on_first_failure or attempt == _TRIES_ON_5XX:
                break
        return answer

    def _try(self, ticket: Ticket, outer: Call, request: Json) -> Answer:
        started = time.perf_counter()
        call = _inner_call(outer, request)
        self._identify(call)
        rule = self._world.faults.pick_call(self._platform, call.account, call.operation, str(request))
        if rule is not None and rule.kind in _STATUS_FAULTS:
            answer = failure(rule.status or (429 if rule.kind == "rate_limited" else 500), "Injected fault")
        else:
            answer = self._answer(call)
        fault = rule.kind if rule else ""
        self._world.log.add(self._platform, call, answer.status, started=started, fault=fault, batch=ticket.ticket_id)
        return answer


def _checked(requests: Any) -> list[Json]:
    if not isinstance(requests, list) or not requests:
        raise refuse(400, "Can't create batch. Batch request body is invalid.")
    if len(requests) > _MAX_REQUESTS:
        raise refuse(400, f"Can't create batch. At most {_MAX_REQUESTS} requests are allowed.")
    for index, entry in enumerate(requests):
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise refuse(400, f"Can't create batch. Path $[{index}].path contains bad value")
        if entry.get("method") not in {"GET", "POST", "PUT", "DELETE"}:
            raise refuse(400, f"Can't create batch. Path $[{index}].method contains bad value")
    return requests


def _inner_call(outer: Call, request: Json) -> Call:
    path, _, query = request["path"].partition("?")
    body = request.get("body")
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else b""
    store = outer.params["store_id"]
    return Call(
        method=request["method"],
        path=f"/api/v3/{store}/{path.lstrip('/')}",
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={**outer.headers, "Content-Type": "application/json"},
        body=raw,
        account=outer.account,
    )


def _response(request: Json, answer: Answer) -> Json:
    return {
        "id": request.get("id"),
        "status": "COMPLETED" if answer.status == 200 else "FAILED",
        "httpBody": answer.body,
        "httpStatusCode": answer.status,
        "httpStatusLine": HTTPStatus(answer.status).phrase,
    }


def _not_executed(request: Json) -> Json:
    return {"id": request.get("id"), "status": "NOT_EXECUTED"}


def _escaped(entry: Json) -> Json:
    if "httpBody" not in entry:
        return entry
    kept = {name: value for name, value in entry.items() if name != "httpBody"}
    return {**kept, "escapedHttpBody": json.dumps(entry["httpBody"])}
