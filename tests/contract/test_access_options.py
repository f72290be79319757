"""Every rpc says who may call it, in one way, and docs/roles.md says the same."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from usav.options.v1 import authz_pb2

from build_tools import roles
from build_tools.descriptors import Hub
from build_tools.routes import routes_of
from chassis.access import ALL_ROLES, AccessOptionMissing, Policy, policies

# What a caller without a token may do at all.
PUBLIC = {
    "usav.auth.v1.AuthService.IssueToken",
    "usav.auth.v1.AuthService.ExchangeToken",
    "usav.auth.v1.AuthService.RevokeToken",
    "usav.auth.v1.AuthService.GetJwks",
    "usav.hub.v1.HubService.CheckHealth",
    "usav.sync.v1.SyncService.ReceiveWebhook",
    "usav.sync.v1.SyncService.AnswerWebhookChallenge",
}


@pytest.fixture(scope="module")
def granted(hub: Hub) -> dict[str, Policy]:
    return roles.load_policies()


def test_every_rpc_has_exactly_one_valid_access_option(hub: Hub, granted: dict[str, Policy]) -> None:
    assert set(granted) == {method.full_name for method in hub.methods()}


def test_only_the_known_rpcs_are_public(granted: dict[str, Policy]) -> None:
    assert {name for name, policy in granted.items() if policy.public} <= PUBLIC


def test_an_admin_may_call_whatever_is_not_reserved_for_bots(granted: dict[str, Policy]) -> None:
    without = {name for name, policy in granted.items() if not policy.public and "ADMIN" not in policy.roles}
    assert without == set()


def test_no_change_is_open_to_every_signed_in_user(hub: Hub, granted: dict[str, Policy]) -> None:
    """A GET may be for any; what changes something names its roles, except what concerns the caller's own account."""
    own = {f"usav.auth.v1.AuthService.{name}" for name in ("ChangeMyPassword", "EndMySession")}
    changing = {
        method.full_name for method in hub.methods() for route in routes_of(method) if route.verb not in ("get", "head")
    }
    open_to_all = {name for name in changing if granted[name].roles == ALL_ROLES and not granted[name].public}
    assert open_to_all <= own


def test_the_list_of_roles_is_up_to_date(hub: Hub, granted: dict[str, Policy]) -> None:
    assert roles.DOCUMENT.read_text() == roles.document(hub, granted), "run `make roles`"


@pytest.mark.parametrize(
    "access",
    [
        None,
        authz_pb2.Access(),
        authz_pb2.Access(public=True, any_role=True),
        authz_pb2.Access(any_role=True, roles=[authz_pb2.Access.ADMIN]),
        authz_pb2.Access(roles=[authz_pb2.Access.ROLE_UNSPECIFIED]),
    ],
)
def test_a_missing_or_ambiguous_option_is_refused(access: authz_pb2.Access | None) -> None:
    file = FileDescriptorProto(name="usav/made/v1/made.proto", package="usav.made.v1", syntax="proto3")
    file.message_type.add(name="Made")
    method = file.service.add(name="MadeService").method.add(
        name="Make", input_type=".usav.made.v1.Made", output_type=".usav.made.v1.Made"
    )
    if access is not None:
        method.options.Extensions[authz_pb2.access].CopyFrom(access)
    pool = DescriptorPool()
    pool.Add(file)

    with pytest.raises(AccessOptionMissing, match=r"usav\.made\.v1\.MadeService\.Make"):
        policies([pool.FindServiceByName("usav.made.v1.MadeService")])
