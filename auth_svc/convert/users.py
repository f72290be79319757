"""Users: protos to domain and back."""

from __future__ import annotations

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from usav.auth.v1 import auth_service_pb2, user_pb2

from auth_svc.convert.times import timestamp
from auth_svc.domain.user import NO_SCOPE, Role, Scope, User
from auth_svc.queries.users import UserFilter
from chassis import field_masks
from chassis.context import Principal
from chassis.errors import InvalidArgument
from chassis.etags import etag

# What * replaces: a client that does not know of a password or a scope must not take it away.
_ALL = frozenset({"username", "full_name", "role", "is_active"})
_UPDATABLE = _ALL | {"password", "scope"}
_READ_ONLY = frozenset({"id", "etag", "create_time", "update_time", "last_sign_in_time"})


def user_to_proto(user: User) -> user_pb2.User:
    """The user as callers see it: without the password."""
    proto = user_pb2.User(
        id=user.id,
        username=user.username,
        full_name=user.full_name,
        role=user_pb2.User.Role.Value(user.role.value),
        is_active=user.is_active,
        create_time=timestamp(user.created_at),
        update_time=timestamp(user.updated_at),
        etag=etag(user.version),
    )
    if user.last_sign_in_at is not None:
        proto.last_sign_in_time.CopyFrom(timestamp(user.last_sign_in_at))
    if not user.scope.is_empty:
        proto.scope.warehouses.extend(user.scope.warehouses)
        proto.scope.channel_ids.extend(user.scope.channel_ids)
    return proto


def scope_from_proto(scope: user_pb2.Scope) -> Scope:
    """What a user shall be bound to. Raises InvalidArgument for one that names nothing, or too much.

    Such a one is rather a misspelt field, which JSON drops, than meant to open everything.
    """
    if not scope.warehouses and not scope.channel_ids:
        raise InvalidArgument.of(
            "user.scope",
            "names neither warehouses nor channel_ids; to unbind, leave it out and put scope into update_mask",
        )
    return Scope.of(scope.warehouses, scope.channel_ids)


def client_to_user(principal: Principal) -> user_pb2.User:
    """A service account, shown as the user it is not."""
    role = user_pb2.User.Role.Value(principal.role)
    return user_pb2.User(username=principal.username, full_name="", role=role, is_active=True)


def role_from_proto(role: user_pb2.User.Role.ValueType) -> Role | None:
    """None for the unspecified one."""
    return None if role == user_pb2.User.ROLE_UNSPECIFIED else Role(user_pb2.User.Role.Name(role))


def filter_from_proto(request: auth_service_pb2.ListUsersRequest) -> UserFilter:
    """The filters of a list request."""
    return UserFilter(
        role=role_from_proto(request.role),
        is_active=request.is_active if request.HasField("is_active") else None,
        username_prefix=request.username_prefix,
    )


def changes_from_proto(user: user_pb2.User, mask: FieldMask) -> dict[str, Any]:
    """The wanted values by field name, `password` still in plain. Raises InvalidArgument for one that is left empty."""
    updatable = _ALL if "*" in mask.paths else _UPDATABLE
    wanted = field_masks.changes(user, mask, updatable=updatable, ignored=_READ_ONLY)
    if wanted.get("full_name", "") is None:
        wanted["full_name"] = ""
    if "scope" in wanted:
        wanted["scope"] = NO_SCOPE if wanted["scope"] is None else scope_from_proto(wanted["scope"])
    for name, value in wanted.items():
        if value is None:
            raise InvalidArgument.of(f"user.{name}", "is in the update mask and needs a value")
    if "role" in wanted:
        wanted["role"] = role_from_proto(wanted["role"])
    return wanted
