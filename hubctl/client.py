"""The connection to the gateway: stubs of all services, the access token renewed by itself, errors made readable."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from usav.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from usav.catalog.v1 import catalog_service_pb2_grpc
from usav.inventory.v1 import inventory_service_pb2_grpc
from usav.sync.v1 import sync_service_pb2_grpc

from hubctl.session import Session, local_hub, save_session, target_of

_RENEW_BEFORE_SECONDS = 60
_CALL_SECONDS = 60.0
_OPTIONS = [("grpc.max_receive_message_length", 32 * 1024 * 1024), ("grpc.keepalive_time_ms", 30_000)]


class Hub:
    """One command's connection. Stubs carry the token by themselves; `keep` says whether a sign-in outlives the command."""

    def __init__(self, url: str, session: Session, *, keep: bool = True) -> None:
        self.url = url
        self.session = session
        self._keeps = keep
        target, secure = target_of(url)
        if secure:
            base = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=_OPTIONS)
        else:
            base = grpc.insecure_channel(target, options=_OPTIONS)
        self._auth = auth_service_pb2_grpc.AuthServiceStub(base)
        channel = grpc.intercept_channel(base, _Signing(self))
        self.auth = auth_service_pb2_grpc.AuthServiceStub(channel)
        self.catalog = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        self.inventory = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        self.sync = sync_service_pb2_grpc.SyncServiceStub(channel)

    def sign_in(self, username: str, password: str) -> None:
        """Starts a session and keeps it. Raises grpc.RpcError on wrong credentials."""
        request = auth_service_pb2.IssueTokenRequest(grant_type="password", username=username, password=password)
        self._keep(self._auth.IssueToken(request, timeout=30), username)

    def access_token(self) -> str:
        """A token that is good for another minute; renewed when it is not. Raises NotSignedIn."""
        session = self.session
        if not session.access_token:
            raise NotSignedIn(f"you are not signed in to {self.url}")
        if session.refresh_token and time.time() > session.expires_at - _RENEW_BEFORE_SECONDS:
            request = auth_service_pb2.IssueTokenRequest(
                grant_type="refresh_token", refresh_token=session.refresh_token
            )
            self._keep(self._auth.IssueToken(request, timeout=30), session.username)
        return self.session.access_token

    def _keep(self, tokens: Any, username: str) -> None:
        self.session = Session(
            url=self.url,
            username=username,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            expires_at=time.time() + tokens.expires_in,
        )
        if self._keeps:
            save_session(self.session)


class _Signing(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]  # grpc ships no types
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]  # grpc ships no types
    grpc.StreamUnaryClientInterceptor,  # type: ignore[misc]  # grpc ships no types
    grpc.StreamStreamClientInterceptor,  # type: ignore[misc]  # grpc ships no types
):
    """Adds the caller's token to every call."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def _continue(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", f"Bearer {self._hub.access_token()}")]
        return continuation(details._replace(metadata=metadata), request)

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """As all others, and not for longer than a person waits."""
        return self._continue(continuation, details._replace(timeout=details.timeout or _CALL_SECONDS), request)

    intercept_unary_stream = _continue
    intercept_stream_unary = _continue
    intercept_stream_stream = _continue


def pages(call: Callable[[Any], Any], request: Any) -> Iterator[Any]:
    """The items of all pages of a list."""
    while True:
        page = call(request)
        yield from page.items
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def new_request_id() -> str:
    """An id for one mutation: a repeat of the command's call has no second effect."""
    return uuid.uuid4().hex


@contextmanager
def readable_errors(url: Callable[[], str]) -> Iterator[None]:
    """Turns refusals into one clear line and exit status 1 (2 for a wrong request, 3 when the hub is not there)."""
    try:
        yield
    except grpc.RpcError as error:
        raise failure(error, url()) from None


class NotSignedIn(click.ClickException):
    """There is no session, or it has ended."""

    def format_message(self) -> str:
        """The reason, and what to do."""
        how = "Sign in with `hubctl sign-in`; `hubctl sign-in --local` does it as the admin of the hub of this folder."
        return f"{self.message}\n{how}"


class WrongRequest(click.ClickException):
    """The hub refused what was asked as malformed."""

    exit_code = 2


class HubNotThere(click.ClickException):
    """The hub does not answer."""

    exit_code = 3


_FAILURES: dict[Any, type[click.ClickException]] = {
    grpc.StatusCode.INVALID_ARGUMENT: WrongRequest,
    grpc.StatusCode.UNAVAILABLE: HubNotThere,
    grpc.StatusCode.UNAUTHENTICATED: NotSignedIn,
}


def failure(error: Any, url: str) -> click.ClickException:
    """The error as a person reads it."""
    code = error.code()
    if code is grpc.StatusCode.UNAVAILABLE and "connect" in (error.details() or ""):
        return HubNotThere(_nobody(url))
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return HubNotThere(f"the hub at {url} did not answer in time; try again")
    said = error.details() or code.name
    lines = [said, *(f"  {name}: {text}" for name, text in violations(error) if text not in said)]
    return _FAILURES.get(code, click.ClickException)("\n".join(lines))


def _nobody(url: str) -> str:
    here = str(local_hub().get("gateway_url") or "")
    if here and here != url:
        return f"no hub answers at {url}; the one of this folder is at {here}: `hubctl sign-in --local`"
    return f"no hub answers at {url}; start one with `make run`, or name another with --url"


def violations(error: Any) -> list[tuple[str, str]]:
    """The fields the hub complains of."""
    status = rpc_status.from_call(error)
    found: list[tuple[str, str]] = []
    for detail in status.details if status is not None else ():
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            found += [(item.field, item.description) for item in bad.field_violations]
    return found
