"""Which fields a PATCH changes: those named, else those populated; an unknown one is an error."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usav.auth.v1 import user_pb2

from chassis.field_masks import UpdateMaskInvalid, changes

UPDATABLE = ("full_name", "role")


def test_without_a_mask_the_populated_fields_change() -> None:
    user = user_pb2.User(id=3, full_name="Ana")
    assert changes(user, FieldMask(), updatable=UPDATABLE, ignored={"id"}) == {"full_name": "Ana"}


def test_a_mask_names_the_fields_even_when_empty() -> None:
    found = changes(user_pb2.User(full_name="Ana"), FieldMask(paths=["role"]), updatable=UPDATABLE)
    assert set(found) == {"role"}


def test_a_star_means_every_updatable_field() -> None:
    assert set(changes(user_pb2.User(), FieldMask(paths=["*"]), updatable=UPDATABLE)) == set(UPDATABLE)


def test_an_unknown_path_is_refused_by_name() -> None:
    with pytest.raises(UpdateMaskInvalid, match="username"):
        changes(user_pb2.User(), FieldMask(paths=["username"]), updatable=UPDATABLE)


def test_a_populated_field_that_cannot_change_is_refused_not_dropped() -> None:
    with pytest.raises(UpdateMaskInvalid, match="username"):
        changes(user_pb2.User(username="ana"), FieldMask(), updatable=UPDATABLE)
