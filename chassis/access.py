"""Who may call what: read once from the rpcs' access option, enforced for every call.

A method without the option stops the service at start (see `policies`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from usav.options.v1 import authz_pb2

from chassis.context import Principal
from chassis.errors import PermissionDenied

_ROLE_NAME = authz_pb2.Access.Role.Name


class AccessOptionMissing(Exception):
    """An rpc does not say who may call it, or says it in two ways."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Public, or the set of roles that may call."""

    public: bool
    roles: frozenset[str]

    def admit(self, principal: Principal, method: str) -> None:
        """Raises PermissionDenied when the principal's role is not among the allowed ones."""
        if principal.role not in self.roles:
            allowed = ", ".join(sorted(self.roles))
            raise PermissionDenied(
                f"The role {principal.role or 'none'} may not call {method.rsplit('/', 1)[-1]}; allowed: {allowed}.",
                metadata={"role": principal.role, "allowed": allowed},
            )


ALL_ROLES = frozenset(value.name for value in authz_pb2.Access.Role.DESCRIPTOR.values if value.number)


def policies(services: Iterable[ServiceDescriptor]) -> dict[str, Policy]:
    """The policy per full method path, e.g. "/usav.auth.v1.AuthService/GetMe". Raises AccessOptionMissing."""
    return {f"/{service.full_name}/{method.name}": policy(method) for service in services for method in service.methods}


def policy(method: MethodDescriptor) -> Policy:
    """The policy of one rpc. Raises AccessOptionMissing."""
    options = method.GetOptions()
    if not options.HasExtension(authz_pb2.access):
        raise AccessOptionMissing(f"{method.full_name} has no (usav.options.v1.access) option; say who may call it")
    access = options.Extensions[authz_pb2.access]
    roles = frozenset(_ROLE_NAME(role) for role in access.roles)
    said = [access.public, access.any_role, bool(roles)]
    if sum(said) != 1 or "ROLE_UNSPECIFIED" in roles:
        raise AccessOptionMissing(f"{method.full_name} must have exactly one of roles, any_role and public")
    return Policy(public=access.public, roles=ALL_ROLES if access.any_role else roles)
