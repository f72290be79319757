"""Update masks (AIP-134, AIP-161): which fields of a resource a PATCH changes, and to what.

An unset mask means the fields that are populated, `*` means all updatable ones, an unknown path is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis.errors import InvalidArgument, Violation


class UpdateMaskInvalid(InvalidArgument):
    """A path names no field, or one that cannot be updated."""

    reason = "UPDATE_MASK_INVALID"


def changes(
    resource: Message, mask: FieldMask, *, updatable: Collection[str], ignored: Collection[str] = ()
) -> dict[str, Any]:
    """The new value per field name; an unset field that the mask names becomes None, or its default.

    `ignored` fields (the id, the etag and output-only ones) may be populated without being changed.
    Raises UpdateMaskInvalid for paths outside `updatable`, and for populated fields outside it that are not ignored.
    """
    names = _named(resource, mask, updatable) if mask.paths else _populated(resource, updatable, ignored)
    return {name: _value(resource, name) for name in names}


def _named(resource: Message, mask: FieldMask, updatable: Collection[str]) -> Iterable[str]:
    if "*" in mask.paths:
        return list(updatable)
    wrong = [path for path in mask.paths if path not in updatable]
    if wrong:
        raise _refuse("update_mask", wrong, updatable)
    return dict.fromkeys(mask.paths)


def _populated(resource: Message, updatable: Collection[str], ignored: Collection[str]) -> Iterable[str]:
    names = [field.name for field, _ in resource.ListFields()]
    wrong = [name for name in names if name not in updatable and name not in ignored]
    if wrong:
        raise _refuse(wrong[0], wrong, updatable)
    return [name for name in names if name in updatable]


def _value(resource: Message, name: str) -> Any:
    field = resource.DESCRIPTOR.fields_by_name[name]
    if field.has_presence and not resource.HasField(name):
        return None
    return getattr(resource, name)


def _refuse(field: str, wrong: Iterable[str], updatable: Collection[str]) -> UpdateMaskInvalid:
    text = f"cannot be updated: {', '.join(sorted(wrong))}; updatable are {', '.join(sorted(updatable))}"
    return UpdateMaskInvalid(f"{field}: {text}", violations=(Violation(field, text),))
