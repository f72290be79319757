"""AuthService as one class; the rpcs stand by subject in the modules beside."""

from __future__ import annotations

from auth_svc.servicers.events import EventRpcs
from auth_svc.servicers.keys import KeyRpcs
from auth_svc.servicers.own_account import OwnAccountRpcs
from auth_svc.servicers.service_accounts import ServiceAccountRpcs
from auth_svc.servicers.sessions import SessionRpcs
from auth_svc.servicers.tokens import TokenRpcs
from auth_svc.servicers.users import UserRpcs


class AuthServicer(TokenRpcs, KeyRpcs, OwnAccountRpcs, SessionRpcs, UserRpcs, ServiceAccountRpcs, EventRpcs):
    """All rpcs of AuthService."""
