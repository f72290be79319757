"""The audit trail as admins read it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import event_pb2, user_pb2

from auth_svc.domain.event import EventKind
from chassis import clock
from tests.integration.auth.harness import PASSWORD, AuthHub, refusal

Kind = event_pb2.Event.Kind


async def events(hub: AuthHub, **fields: Any) -> pb.ListEventsResponse:
    page: pb.ListEventsResponse = await hub.stub.ListEvents(
        pb.ListEventsRequest(**fields), metadata=await hub.as_admin()
    )
    return page


def test_the_contract_and_the_code_name_the_same_kinds() -> None:
    assert {kind.value for kind in EventKind} | {"KIND_UNSPECIFIED"} == set(Kind.keys())


async def test_a_change_of_a_user_tells_who_when_and_what_was_before(hub: AuthHub) -> None:
    user = await hub.new_user()
    began = clock.now()
    changed = user_pb2.User(id=user.id, role=user_pb2.User.WAREHOUSE_OP, password="eleven yellow buckets")
    metadata = [*await hub.as_admin(), ("x-client-address", "10.30.0.1"), ("x-request-id", "the-request")]
    await hub.stub.UpdateUser(pb.UpdateUserRequest(user=changed), metadata=metadata)
    (event,) = (await events(hub, subject_id=str(user.id), kinds=[Kind.USER_CHANGED])).items
    assert (event.actor_id, event.actor_name, event.subject_name) == ("1", "admin", user.username)
    assert (event.address, event.request_id) == ("10.30.0.1", "the-request")
    assert dict(event.before) == {"role": "SALES_REP", "password_hash": "(changed)"}
    assert dict(event.after) == {"role": "WAREHOUSE_OP", "password_hash": "(changed)"}
    assert abs(event.event_time.ToDatetime(tzinfo=began.tzinfo) - began) < timedelta(seconds=30)


async def test_filters_hold_together(hub: AuthHub) -> None:
    user, other = await hub.new_user(), await hub.new_user()
    for name in (user.username, other.username):
        await hub.sign_in(name, PASSWORD, "10.30.0.2")
        await refusal(hub.sign_in(name, "wrong", "10.30.0.3"))
    about = {"subject_id": str(user.id)}
    signed_in = [Kind.SIGNED_IN, Kind.SIGN_IN_FAILED]
    assert [item.kind for item in (await events(hub, kinds=signed_in, **about)).items] == signed_in[::-1]
    assert [item.kind for item in (await events(hub, address="10.30.0.3", **about)).items] == [Kind.SIGN_IN_FAILED]
    assert (await events(hub, actor_id="1", **about)).items[0].kind == Kind.USER_CREATED
    assert not (await events(hub, actor_id="1", kinds=[Kind.SIGNED_IN], **about)).items


async def test_times_bound_the_list(hub: AuthHub) -> None:
    user = await hub.new_user()
    about = {"subject_id": str(user.id)}
    past, future = Timestamp(), Timestamp()
    past.FromDatetime(clock.now() - timedelta(hours=1))
    future.FromDatetime(clock.now() + timedelta(hours=1))
    assert len((await events(hub, from_time=past, to_time=future, **about)).items) == 1
    assert not (await events(hub, from_time=future, **about)).items
    assert not (await events(hub, to_time=past, **about)).items


async def test_events_come_in_pages_newest_first(hub: AuthHub) -> None:
    user = await hub.new_user()
    for _ in range(4):
        await hub.sign_in(user.username, PASSWORD)
    found, token = [], ""
    while True:
        page = await events(hub, subject_id=str(user.id), page_size=2, page_token=token)
        found += [item.id for item in page.items]
        assert page.total_size == 5
        token = page.next_page_token
        if not token:
            break
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


@pytest.mark.parametrize(
    "wrong", [{"page_size": -1}, {"page_token": "x"}, {"kinds": [0]}, {"kinds": [99]}, {"subject_id": "x" * 101}]
)
async def test_a_list_that_cannot_be_right_is_refused(hub: AuthHub, wrong: dict[str, Any]) -> None:
    assert (await refusal(events(hub, **wrong))).code == "INVALID_ARGUMENT"


async def test_a_time_that_is_none_is_refused(hub: AuthHub) -> None:
    for wrong in (Timestamp(seconds=10**15), Timestamp(seconds=-(10**15)), Timestamp(nanos=-1)):
        refused = await refusal(events(hub, from_time=wrong))
        assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("from_time",))
