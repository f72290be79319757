"""A missing option shuts the door: the policy of an rpc is read strictly."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from usav.options.v1 import authz_pb2

from chassis.access import ALL_ROLES, AccessOptionMissing, Policy, policies
from chassis.context import Principal
from chassis.errors import PermissionDenied


def service(name: str, access: authz_pb2.Access | None) -> ServiceDescriptor:
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="made", syntax="proto3")
    file.dependency.append("usav/options/v1/authz.proto")
    file.message_type.add(name=f"{name}Message")
    method = file.service.add(name=name).method.add(name="Do")
    method.input_type = method.output_type = f".made.{name}Message"
    if access is not None:
        method.options.Extensions[authz_pb2.access].CopyFrom(access)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName(f"made.{name}")


def test_a_method_without_the_option_is_refused() -> None:
    with pytest.raises(AccessOptionMissing, match=r"made\.Bare\.Do"):
        policies([service("Bare", None)])


def test_an_empty_option_is_refused() -> None:
    with pytest.raises(AccessOptionMissing):
        policies([service("Empty", authz_pb2.Access())])


def test_two_answers_are_refused() -> None:
    with pytest.raises(AccessOptionMissing):
        policies([service("Both", authz_pb2.Access(public=True, roles=[authz_pb2.Access.ADMIN]))])


def test_any_role_means_every_role_but_not_none() -> None:
    (policy,) = policies([service("AnyRole", authz_pb2.Access(any_role=True))]).values()
    assert policy.roles == ALL_ROLES == {"ADMIN", "WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT"}


def test_a_role_outside_the_policy_is_told_who_may() -> None:
    policy = Policy(public=False, roles=frozenset({"ADMIN"}))
    with pytest.raises(PermissionDenied, match="allowed: ADMIN") as caught:
        policy.admit(Principal("1", "sam", "SALES_REP"), "/made.X/Do")
    assert caught.value.metadata == {"role": "SALES_REP", "allowed": "ADMIN"}
