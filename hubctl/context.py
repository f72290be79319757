"""What every command gets: the connection (made when first used) and the printer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from hubctl.client import Hub, readable_errors
from hubctl.output import Output
from hubctl.session import Session, load_session, resolve_url

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Tool:
    """One run of the command line."""

    url: str | None
    output: Output
    _hub: Hub | None = field(default=None)

    @property
    def hub(self) -> Hub:
        """The connection, under the kept session when it is of the same hub."""
        if self._hub is None:
            session = load_session()
            url = resolve_url(self.url, session)
            self._hub = Hub(url, session if session.url == url else Session())
        return self._hub

    def address(self) -> str:
        """The hub that is spoken to."""
        return self.hub.url


def command(function: F) -> F:
    """Hands the `Tool` to a command and turns the hub's refusals into readable lines."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        tool: Tool = click.get_current_context().obj
        with readable_errors(tool.address):
            return function(tool, *arguments, **options)

    return run  # type: ignore[return-value]  # click calls it without the tool
