"""The parts of the Account and Developer Analytics APIs a connector needs: business policies and call quotas."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.ebay.errors import refuse
from sandbox.ebay.quotas import Quotas
from sandbox.ebay.store import MARKETPLACE_ID, policy_ids
from sandbox.wire import Answer, Call, Json, Router

_POLICIES = {
    "fulfillment_policy": ("fulfillmentPolicies", "fulfillmentPolicyId", "Ships in one business day"),
    "payment_policy": ("paymentPolicies", "paymentPolicyId", "Paid at once"),
    "return_policy": ("returnPolicies", "returnPolicyId", "Returns within 30 days"),
}
_ANALYTICS = "/developer/analytics/v1_beta"


class Account:
    """Handlers of the three policy lists and of the two quota reports."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        for resource in _POLICIES:
            router.add(f"get_{resource}", f"GET /sell/account/v1/{resource}", self._policy_list(resource))
        router.add("get_rate_limits", f"GET {_ANALYTICS}/rate_limit", self.rate_limits)
        router.add("get_user_rate_limits", f"GET {_ANALYTICS}/user_rate_limit", self.user_rate_limits)

    def rate_limits(self, call: Call) -> Answer:
        """The application's quotas, optionally of one API context or name."""
        return self._rates(call, None)

    def user_rate_limits(self, call: Call) -> Answer:
        """The same as used by the seller."""
        return self._rates(call, call.account)

    def _rates(self, call: Call, seller: str | None) -> Answer:
        rates = self._quotas.rates(seller, call.query.get("api_context", ""), call.query.get("api_name", ""))
        return Answer(200, {"rateLimits": rates}) if rates else Answer(204)

    def _policy_list(self, resource: str) -> Callable[[Call], Answer]:
        list_field, id_field, name = _POLICIES[resource]

        def list_policies(call: Call) -> Answer:
            if not call.query.get("marketplace_id"):
                raise refuse(400, 20403, "Invalid marketplace_id.")
            policy: Json = {
                id_field: policy_ids(call.account)[id_field],
                "name": name,
                "marketplaceId": MARKETPLACE_ID,
                "categoryTypes": [{"name": "ALL_EXCLUDING_MOTORS_VEHICLES"}],
            }
            href = f"/sell/account/v1/{resource}?marketplace_id={MARKETPLACE_ID}"
            return Answer(200, {list_field: [policy], "total": 1, "limit": 1, "offset": 0, "href": href})

        return list_policies
