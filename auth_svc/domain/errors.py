"""Everything the auth service refuses, one class per reason of error_reason.proto.

`OAuthRefusal` marks those that the OAuth endpoint renders as RFC 6749 error objects.
"""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    HubError,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unauthenticated,
    Violation,
)

DOMAIN = "auth.usav"


class OAuthRefusal(HubError):
    """A refusal with its RFC 6749 error code and the HTTP status that goes with it."""

    oauth_error = "invalid_request"
    http_status = 400


class UsernameTaken(AlreadyExists):
    """A user of that name exists, in whatever case."""

    reason, domain = "USERNAME_TAKEN", DOMAIN


class UserNotFound(NotFound):
    """No user has that id."""

    reason, domain = "USER_NOT_FOUND", DOMAIN

    def __init__(self, user_id: int) -> None:
        super().__init__(f"There is no user {user_id}.", metadata={"user_id": str(user_id)})


class LastAdmin(FailedPrecondition):
    """The change would leave nobody who manages the hub."""

    reason, domain = "LAST_ADMIN", DOMAIN

    def __init__(self) -> None:
        message = "This is the last active admin; make another user an admin first."
        super().__init__(message, violations=(Violation("user", message),))


class OwnAccount(FailedPrecondition):
    """Nobody deletes, deactivates or demotes himself."""

    reason, domain = "OWN_ACCOUNT", DOMAIN

    def __init__(self, user_id: int, what: str) -> None:
        message = f"Nobody can {what} the own account; ask another admin."
        super().__init__(message, metadata={"user_id": str(user_id)}, violations=(Violation("user", message),))


class AdminIsUnbound(FailedPrecondition):
    """A scope for an admin, who manages all of the hub."""

    reason, domain = "ADMIN_IS_UNBOUND", DOMAIN

    def __init__(self) -> None:
        message = "An admin is bound to nothing; clear the scope in the same change."
        super().__init__(message, violations=(Violation("user.scope", message),))


class PasswordRefused(InvalidArgument):
    """A new password that is too short, too long or too easy to guess; `reason` says which."""

    reason, domain = "PASSWORD_GUESSABLE", DOMAIN

    def __init__(self, field: str, description: str, reason: str) -> None:
        super().__init__(f"{field}: {description}", violations=(Violation(field, description),), reason=reason)


class PasswordWrong(InvalidArgument):
    """The current password that was given is not the right one."""

    reason, domain = "PASSWORD_WRONG", DOMAIN

    def __init__(self) -> None:
        description = "is not the present password"
        super().__init__(f"current_password: {description}", violations=(Violation("current_password", description),))


class NotAUser(FailedPrecondition):
    """The caller is a service account."""

    reason, domain = "NOT_A_USER", DOMAIN

    def __init__(self) -> None:
        message = "A service account has no password."
        super().__init__(message, violations=(Violation("caller", message),))


class SessionNotFound(NotFound):
    """The session is not there, is somebody else's, or has ended."""

    reason, domain = "SESSION_NOT_FOUND", DOMAIN

    def __init__(self, session_id: str) -> None:
        message = f"There is no such session, or it has ended: {session_id}."
        super().__init__(message, metadata={"session_id": session_id})


class ServiceAccountNotFound(NotFound):
    """No service account has that id."""

    reason, domain = "SERVICE_ACCOUNT_NOT_FOUND", DOMAIN

    def __init__(self, account_id: int) -> None:
        super().__init__(f"There is no service account {account_id}.", metadata={"account_id": str(account_id)})


class ClientIdTaken(AlreadyExists):
    """A service account of that name exists, in whatever case."""

    reason, domain = "CLIENT_ID_TAKEN", DOMAIN


class AccountFromSettings(FailedPrecondition):
    """The account and its secret come from HUB_SERVICE_ACCOUNTS."""

    reason, domain = "ACCOUNT_FROM_SETTINGS", DOMAIN

    def __init__(self, client_id: str) -> None:
        message = f"The settings name {client_id} and its secret (HUB_SERVICE_ACCOUNTS); change it there."
        super().__init__(
            message, metadata={"client_id": client_id}, violations=(Violation("service_account", message),)
        )


class TooManySecrets(FailedPrecondition):
    """The account has as many live secrets as it may."""

    reason, domain = "TOO_MANY_SECRETS", DOMAIN

    def __init__(self, most: int) -> None:
        message = f"The account has {most} live secrets; rotate with keep_former_for 0s to end the former ones."
        super().__init__(message, violations=(Violation("service_account", message),))


class CredentialsWrong(OAuthRefusal, Unauthenticated):
    """Username or password is wrong, or the user is deactivated; which of them is not told."""

    reason, domain = "CREDENTIALS_WRONG", DOMAIN
    oauth_error = "invalid_grant"

    def __init__(self) -> None:
        super().__init__("The username or the password is wrong.")


class SignInThrottled(OAuthRefusal, ResourceExhausted):
    """Too many failed sign-ins; `retry_after_s` says how long to wait."""

    reason, domain = "SIGN_IN_THROTTLED", DOMAIN
    # The code RFC 8628 registers for the token endpoint; RFC 6749 has none for "later".
    oauth_error = "slow_down"
    http_status = 429

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("Too many failed sign-ins; wait, then try again.", retry_after_s=retry_after_s)


class RefreshTokenInvalid(OAuthRefusal, Unauthenticated):
    """The refresh token is unknown, expired, used before, or its session has ended."""

    reason, domain = "REFRESH_TOKEN_INVALID", DOMAIN
    oauth_error = "invalid_grant"

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid any more; sign in again.")


class ClientWrong(OAuthRefusal, Unauthenticated):
    """The client is unknown, or its secret is wrong."""

    reason, domain = "CLIENT_WRONG", DOMAIN
    oauth_error = "invalid_client"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("The client id or the client secret is wrong.")


class GrantTypeUnsupported(OAuthRefusal, InvalidArgument):
    """The grant type is not one the hub knows."""

    reason, domain = "GRANT_TYPE_UNSUPPORTED", DOMAIN
    oauth_error = "unsupported_grant_type"

    def __init__(self) -> None:
        description = "takes password, refresh_token or client_credentials"
        super().__init__(f"grant_type {description}.", violations=(Violation("grant_type", description),))


class TokenRequestInvalid(OAuthRefusal, InvalidArgument):
    """The token request lacks a parameter, repeats one, or cannot be read."""

    reason, domain = "TOKEN_REQUEST_INVALID", DOMAIN

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field} {description}.", violations=(Violation(field, description),))


class ScopeUnknown(OAuthRefusal, InvalidArgument):
    """A scope was asked for; the role alone decides here."""

    reason, domain = "SCOPE_UNKNOWN", DOMAIN
    oauth_error = "invalid_scope"

    def __init__(self) -> None:
        description = "has to be left out: the role alone decides what a token opens"
        super().__init__(f"scope {description}.", violations=(Violation("scope", description),))
