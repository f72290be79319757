"""What a refusal of the database means, by the name of the constraint."""

from __future__ import annotations

from auth_svc.domain.errors import LastAdmin, UsernameTaken
from chassis.database_errors import ConstraintDetail, Constraints
from chassis.errors import HubError


def _username_taken(_: ConstraintDetail) -> HubError:
    return UsernameTaken("A user of that name exists already, perhaps in another case; choose another name.")


CONSTRAINTS: Constraints = {
    "uq_users_username": _username_taken,
    "users_last_admin": lambda _: LastAdmin(),
}
