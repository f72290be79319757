"""Moments as protos have them."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(moment: datetime) -> Timestamp:
    """The moment, in UTC."""
    proto = Timestamp()
    proto.FromDatetime(moment)
    return proto
