"""The pages on which an account's owner lets an application in: what each platform shows a browser before it gives out a code.

A code holds for five minutes and once. It is sent only to this machine, or to nobody.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from sandbox.courier import is_loopback_url
from sandbox.wire import Answer, Call
from sandbox.world import World

_CODE_LIFE_S = 300.0
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{platform} (sandbox)</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}}
a{{display:inline-block;margin:.3rem .5rem .3rem 0;padding:.4rem .9rem;border:1px solid #888;border-radius:6px}}</style>
<h1>{platform} <small>(sandbox)</small></h1><p>{application} asks to work with your account.</p><p>{choices}</p></html>"""


@dataclass(frozen=True, slots=True)
class _Given:
    account: str
    redirect_uri: str
    expires_at: float


class ConsentPages:
    """One platform's consent page, and the codes it gave. `names` says how the platform calls the code, `more` what it adds."""

    def __init__(
        self,
        world: World,
        platform: str,
        client: tuple[str, str],
        accounts: Sequence[str],
        *,
        code_name: str = "code",
        more: Callable[[str], Mapping[str, str]] = lambda account: {},
    ) -> None:
        self._world = world
        self._platform = platform
        self._client_field, self._client_id = client
        self._accounts = accounts
        self._code_name = code_name
        self._more = more
        self._given: dict[str, _Given] = {}

    def page(self, call: Call) -> Answer:
        """The page, or where the browser goes once its reader has chosen."""
        target = call.query.get("redirect_uri", "")
        if call.query.get(self._client_field) != self._client_id or not is_loopback_url(target):
            return _html(
                400, f"<p>Unknown application, or a redirect that is not on this machine: {html.escape(target)}</p>"
            )
        choice = call.query.get("sandbox_choice")
        if choice is None:
            return self._ask(call)
        answer = {"state": call.query.get("state", "")}
        if choice not in self._accounts:
            return _redirect(target, {**answer, "error": "access_denied", "error_description": "The seller declined."})
        code = secrets.token_urlsafe(24)
        self._given[code] = _Given(choice, target, self._world.clock.seconds() + _CODE_LIFE_S)
        return _redirect(target, {**answer, self._code_name: code, **self._more(choice)})

    def take(self, form: Mapping[str, str]) -> str | None:
        """The account a code was given for, once; None for one that is used, too old, or of another redirect."""
        given = self._given.pop(form.get("code", ""), None)
        if given is None or given.expires_at < self._world.clock.seconds():
            return None
        return given.account if form.get("redirect_uri") == given.redirect_uri else None

    def _ask(self, call: Call) -> Answer:
        links = []
        for account in (*self._accounts, ""):
            query = urlencode({**call.query, "sandbox_choice": account})
            words = f"Let it in as {account}" if account else "Decline"
            links.append(f'<a href="?{html.escape(query)}">{html.escape(words)}</a>')
        application = html.escape(self._client_id)
        return _html(200, _PAGE.format(platform=self._platform, application=application, choices="".join(links)))


def _html(status: int, text: str) -> Answer:
    return Answer(status, raw=text.encode(), content_type="text/html")


def _redirect(target: str, answer: Mapping[str, str]) -> Answer:
    separator = "&" if urlsplit(target).query else "?"
    return Answer(302, headers={"Location": f"{target}{separator}{urlencode(answer)}"})
