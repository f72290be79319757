"""A client that checks every exchange with the sandbox against a platform's specification."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.wire import Router
from tests.contract.sandbox.specifications import Operation, Specifications
from tests.integration.sandbox.clients import Client, Reply


@dataclass
class Recorder(Client):
    """Notes what the specification does not know. Recorders of one stage share `problems`."""

    specifications: Specifications | None = None
    router: Router | None = None
    problems: list[str] = field(default_factory=list)
    prefix: str = ""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Sends, and notes what is wrong with the exchange."""
        reply = await super().call(method, path, body, **headers)
        bare = self.prefix + path.partition("?")[0]
        assert self.specifications is not None
        operation = self.specifications.find(method, bare)
        if operation is None:
            self.problems.append(f"{method} {bare} is not documented")
        else:
            found = self.judge(operation, body, reply)
            self.problems += [f"{operation.name} {reply.status}: {problem}" for problem in found]
        return reply

    def judge(self, operation: Operation, body: Any, reply: Reply) -> list[str]:
        """What is wrong with an exchange."""
        return operation.request_problems(body) + operation.response_problems(reply.status, reply.body)


def undocumented(router: Router, specifications: Specifications, outside: set[str]) -> list[tuple[str, str]]:
    """Operations of the sandbox that the specification does not know."""
    return [target for target in router.targets() if target[1] not in outside and specifications.find(*target) is None]
