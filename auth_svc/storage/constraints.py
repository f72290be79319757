"""What a refusal of the database means, by the name of the constraint."""

from __future__ import annotations

from auth_svc.domain.errors import AdminIsUnbound, ClientIdTaken, LastAdmin, UsernameTaken
from chassis.database_errors import ConstraintDetail, Constraints
from chassis.errors import HubError


def _username_taken(_: ConstraintDetail) -> HubError:
    return UsernameTaken("A user of that name exists already, perhaps in another case; choose another name.")


def _client_id_taken(_: ConstraintDetail) -> HubError:
    return ClientIdTaken("A service account of that name exists already; choose another client_id.")


CONSTRAINTS: Constraints = {
    "ck_users_admin_is_unbound": lambda _: AdminIsUnbound(),
    "uq_service_accounts_client_id": _client_id_taken,
    "uq_users_username": _username_taken,
    "users_last_admin": lambda _: LastAdmin(),
}
