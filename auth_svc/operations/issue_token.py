"""The token endpoint: sends each grant to the operation that knows it."""

from __future__ import annotations

from auth_svc.domain.errors import GrantTypeUnsupported, ScopeUnknown, TokenRequestInvalid
from auth_svc.domain.token_request import TokenRequest
from auth_svc.operations.refresh_tokens import refresh_tokens
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.sign_in import sign_in
from auth_svc.operations.sign_in_client import sign_in_client
from auth_svc.operations.token_mint import IssuedTokens


async def issue_token(runtime: Runtime, request: TokenRequest, address: str) -> IssuedTokens:
    """Exchanges a grant for tokens. Raises the OAuthRefusals; see the operation of each grant for what a repeat does."""
    grant = request.grant
    if not grant:
        raise TokenRequestInvalid("grant_type", "is missing")
    if request.scope.strip():
        raise ScopeUnknown
    if grant == "password":
        _require(request, "username", "password")
        return await sign_in(runtime, request.username, request.password, address)
    if grant == "refresh_token":
        _require(request, "refresh_token")
        return await refresh_tokens(runtime, request.refresh_token)
    if grant == "client_credentials":
        _require(request, "client_id", "client_secret")
        return await sign_in_client(runtime, request.client_id, request.client_secret, address)
    raise GrantTypeUnsupported


def _require(request: TokenRequest, *names: str) -> None:
    for name in names:
        if not getattr(request, name):
            raise TokenRequestInvalid(name, "is missing")
