"""Service accounts: protos to domain and back."""

from __future__ import annotations

from datetime import datetime, timedelta

from usav.auth.v1 import auth_service_pb2, service_account_pb2, user_pb2

from auth_svc.convert.times import timestamp
from auth_svc.domain.service_account import KEPT_BESIDE_NEW, AccountSecret, ServiceAccount


def account_to_proto(account: ServiceAccount, at: datetime) -> service_account_pb2.ServiceAccount:
    """The account with the secrets that work at that time, without what is secret of them."""
    proto = service_account_pb2.ServiceAccount(
        id=account.id,
        client_id=account.client_id,
        role=user_pb2.User.Role.Value(account.role.value),
        create_time=timestamp(account.created_at),
        secrets=[_secret_to_proto(secret) for secret in account.secrets if secret.is_live(at)],
    )
    if account.last_used_at is not None:
        proto.last_use_time.CopyFrom(timestamp(account.last_used_at))
    return proto


def keep_former_from_proto(request: auth_service_pb2.RotateServiceAccountSecretRequest) -> timedelta:
    """How long the former secrets go on working."""
    if not request.HasField("keep_former_for"):
        return KEPT_BESIDE_NEW
    return request.keep_former_for.ToTimedelta()


def _secret_to_proto(secret: AccountSecret) -> service_account_pb2.ServiceAccount.Secret:
    proto = service_account_pb2.ServiceAccount.Secret(
        id=secret.id, create_time=timestamp(secret.created_at), is_from_settings=secret.is_from_settings
    )
    if secret.expires_at is not None:
        proto.expire_time.CopyFrom(timestamp(secret.expires_at))
    if secret.last_used_at is not None:
        proto.last_use_time.CopyFrom(timestamp(secret.last_used_at))
    return proto
