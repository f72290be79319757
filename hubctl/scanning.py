"""Codes as a scanner types them: one per line on standard input, each answered at once; the bell rings where it is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import click
import grpc

from hubctl.client import failure
from hubctl.context import Tool

_BELL = "\a"
_GOOD, _ODD, _WRONG = "green", "yellow", "bold red"
# Without these no further code can be answered either.
_OVER = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


@dataclass(frozen=True)
class Answer:
    """What became of a code. One that is `odd` was taken, and is worth a look; one that is `wrong` was not."""

    outcome: str
    more: str = ""
    odd: bool = False
    wrong: bool = False

    @property
    def style(self) -> str:
        """The colour it is told in."""
        return _WRONG if self.wrong else _ODD if self.odd else _GOOD


def scan(tool: Tool, act: Callable[[str], Answer]) -> None:
    """Does `act` for each code and tells what became of it; ends with status 1 when one was wrong.

    A refusal is told and the next code read; raises grpc.RpcError when the hub cannot be asked at all.
    """
    scanned = wrong = 0
    for code in codes(sys.stdin):
        answer = _answered(tool, act, code)
        _tell(tool, code, answer)
        scanned, wrong = scanned + 1, wrong + answer.wrong
    tool.output.say(f"{scanned} scanned, {wrong} wrong")
    if wrong:
        click.get_current_context().exit(1)


def codes(lines: Iterable[str]) -> Iterable[str]:
    """The codes of lines that hold one."""
    return (line.strip() for line in lines if line.strip())


def _answered(tool: Tool, act: Callable[[str], Answer], code: str) -> Answer:
    try:
        return act(code)
    except click.BadParameter as error:
        return Answer("REFUSED", error.message, wrong=True)
    except grpc.RpcError as error:
        if error.code() in _OVER:
            raise
        return Answer("REFUSED", failure(error, tool.address()).message, wrong=True)


def _tell(tool: Tool, code: str, answer: Answer) -> None:
    if tool.output.as_json:
        tool.output.json_line({"code": code, "outcome": answer.outcome, "message": answer.more})
        return
    more = f"  ({answer.more})" if answer.more else ""
    # Whatever the scanner typed, nothing of it may steer the terminal.
    shown = code if code.isprintable() else ascii(code)
    tool.output.console.print(f"{answer.outcome:<12} {shown}{more}", style=answer.style, markup=False)
    if answer.wrong:
        click.echo(_BELL, nl=False)
