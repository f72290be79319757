"""What a user is bound to: the rows that the role's rights reach. An empty list binds to nothing. Admins are never bound."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from auth_svc.domain.errors import AdminIsUnbound
from auth_svc.domain.role import Role
from chassis.errors import InvalidArgument

# Access tokens carry the scope, and a call carries the token in its header.
_MOST_BYTES = 1500


@dataclass(frozen=True, slots=True)
class Scope:
    """Names of warehouses and ids of channels, sorted, each once."""

    warehouses: tuple[str, ...] = ()
    channel_ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, warehouses: Iterable[str], channel_ids: Iterable[int]) -> Scope:
        """From what was asked for. Raises InvalidArgument for one that is too long."""
        names = sorted({name.strip() for name in warehouses} - {""})
        scope = cls(tuple(names), tuple(sorted(set(channel_ids))))
        if len(json.dumps(scope.bounds())) > _MOST_BYTES:
            raise InvalidArgument.of("user.scope", f"is longer than {_MOST_BYTES} characters in all; bind to fewer")
        return scope

    @property
    def is_empty(self) -> bool:
        """Whether it binds to nothing."""
        return not self.warehouses and not self.channel_ids

    def bounds(self) -> dict[str, list[str]]:
        """The claim of an access token; services look for the kind of thing that they keep."""
        given = {"warehouses": list(self.warehouses), "channels": [str(key) for key in self.channel_ids]}
        return {kind: values for kind, values in given.items() if values}


NO_SCOPE = Scope()


def check_scope(role: Role, scope: Scope) -> None:
    """Raises AdminIsUnbound. The database holds to it as well."""
    if role is Role.ADMIN and not scope.is_empty:
        raise AdminIsUnbound
