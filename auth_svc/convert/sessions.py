"""Sessions and their ends: domain to protos."""

from __future__ import annotations

from datetime import datetime

from usav.auth.v1 import auth_service_pb2, session_pb2, token_pb2

from auth_svc.convert.times import timestamp
from auth_svc.convert.tokens import jwks_to_proto
from auth_svc.domain.revocation import EndedSessions
from auth_svc.queries.sessions import LiveSession


def session_to_proto(session: LiveSession, own_id: str) -> session_pb2.Session:
    """A session; `own_id` is that of the caller's access token."""
    return session_pb2.Session(
        id=session.id,
        address=session.address,
        create_time=timestamp(session.created_at),
        last_use_time=timestamp(session.last_used_at),
        expire_time=timestamp(session.expires_at),
        is_current=session.id == own_id,
    )


def revocation_step(ended: EndedSessions, forgettable_at: datetime) -> auth_service_pb2.WatchRevocationsResponse:
    """The step of the feed that tells of ended sessions."""
    revocation = session_pb2.Revocation(
        session_ids=ended.session_ids,
        revoke_time=timestamp(ended.ended_at),
        expire_time=timestamp(forgettable_at),
    )
    return auth_service_pb2.WatchRevocationsResponse(revocation=revocation)


def keys_step(keys: list[dict[str, str]]) -> auth_service_pb2.WatchRevocationsResponse:
    """The step of the feed that tells the keys."""
    published: token_pb2.JwkSet = jwks_to_proto(keys)
    return auth_service_pb2.WatchRevocationsResponse(keys=published)


def checkpoint_step(at: datetime) -> auth_service_pb2.WatchRevocationsResponse:
    """The sign of life."""
    return auth_service_pb2.WatchRevocationsResponse(
        checkpoint=session_pb2.RevocationCheckpoint(check_time=timestamp(at))
    )
