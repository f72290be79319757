"""How listings come to stand in an Ecwid store, one by one and as a batch, against recorded-shaped answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.base import ChannelError, ListingPhase, ListingState, Outcome, PushResult
from sync_svc.channels.ecwid import client
from sync_svc.channels.ecwid.adapter import EcwidChannel
from tests.unit.channels.doubles import Answering, Call, Platform, ecwid_account, fails, reply, state

STORE = "/api/v3/4870020"
PRODUCTS = f"{STORE}/products"
PRODUCT = f"{PRODUCTS}/5001"
COMBINATION = f"{PRODUCT}/combinations/77"
BATCH = f"{STORE}/batch"
KNOWN = {"listing_id": "5001", "product_id": "5001"}
VARIATION = {"listing_id": "5001-77", "product_id": "5001", "combination_id": "77"}
NOTHING: dict[str, Any] = {"total": 0, "count": 0, "offset": 0, "limit": 100, "items": []}
TAKEN = {"errorMessage": "Product with this SKU exists already", "errorCode": "SKU_ALREADY_EXISTS"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_poll_delays", lambda size: iter([0.0] * 20))


@pytest.fixture
def platform() -> Platform:
    return Platform()


def product(**changes: Any) -> dict[str, Any]:
    return {
        "id": 5001,
        "sku": "00845BK",
        "name": "Bose 201 Series IV",
        "price": 49.99,
        "quantity": 2,
        "unlimited": False,
        "enabled": True,
        "combinations": [],
    } | changes


def found(*products: dict[str, Any]) -> dict[str, Any]:
    return NOTHING | {"total": len(products), "count": len(products), "items": list(products)}


def make_channel(platform: Platform) -> EcwidChannel:
    return EcwidChannel(ecwid_account(), transport=platform.transport)


async def push_one(platform: Platform, **changes: Any) -> PushResult:
    (result,) = await make_channel(platform).push([state(**changes)])
    return result


# -- one by one ---------------------------------------------------------------------------------------------------


async def test_new_listing_is_looked_for_and_made(platform: Platform) -> None:
    platform.on("GET", PRODUCTS, (200, NOTHING))
    platform.on("POST", PRODUCTS, (200, {"id": 5001}))
    result = await push_one(platform)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)
    assert platform.seen("GET", PRODUCTS)[0].query == {"sku": "00845BK"}
    (created,) = platform.seen("POST", PRODUCTS)
    assert created.headers["authorization"] == "Bearer secret_token"
    assert created.json == {
        "sku": "00845BK",
        "name": "Bose 201 Series IV",
        "description": "A pair of bookshelf speakers.",
        "price": 49.99,
        "quantity": 2,
        "unlimited": False,
        "enabled": True,
    }


async def test_existing_product_is_matched_by_its_sku(platform: Platform) -> None:
    platform.on("GET", PRODUCTS, (200, found(product(id=4, sku="00845BK-2"), product())))
    platform.on("PUT", PRODUCT, (200, {"updateCount": 1}))
    assert (await push_one(platform)).external_ids == KNOWN


async def test_variation_is_matched_with_both_its_ids(platform: Platform) -> None:
    variations = [{"id": 76, "sku": "00845WY"}, {"id": 77, "sku": "00845BK"}]
    platform.on("GET", PRODUCTS, (200, found(product(sku="00845", combinations=variations))))
    platform.on("PUT", COMBINATION, (200, {"updateCount": 1}))
    result = await push_one(platform)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, VARIATION)
    assert platform.seen("PUT", COMBINATION)[0].json == {"quantity": 2, "unlimited": False, "price": 49.99}


async def test_known_listing_gets_the_absolute_quantity_and_nothing_else_of_its_content(platform: Platform) -> None:
    platform.on("PUT", PRODUCT, (200, {"updateCount": 1}))
    result = await push_one(platform, external_ids=KNOWN, content_changed=False, price=None)
    assert result.outcome is Outcome.DONE
    (put,) = platform.calls
    assert put.json == {"quantity": 2, "unlimited": False, "enabled": True}


async def test_product_made_by_somebody_else_meanwhile_is_found_and_set(platform: Platform) -> None:
    platform.on("GET", PRODUCTS, (200, NOTHING), (200, found(product(quantity=9))))
    platform.on("POST", PRODUCTS, (409, TAKEN))
    platform.on("PUT", PRODUCT, (200, {"updateCount": 1}))
    result = await push_one(platform)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, KNOWN)


async def test_product_made_without_an_answer_is_found_and_not_made_again(platform: Platform) -> None:
    platform.on("GET", PRODUCTS, (200, NOTHING), (200, found(product())))
    platform.on("POST", PRODUCTS, fails(httpx2.ReadTimeout))
    platform.on("PUT", PRODUCT, (200, {"updateCount": 1}))
    assert (await push_one(platform)).external_ids == KNOWN
    assert len(platform.seen("POST", PRODUCTS)) == 1


async def test_deleted_product_is_made_again(platform: Platform) -> None:
    platform.on("PUT", PRODUCT, (404, "Not Found"))
    platform.on("GET", PRODUCTS, (200, NOTHING))
    platform.on("POST", PRODUCTS, (200, {"id": 5002}))
    result = await push_one(platform, external_ids=KNOWN)
    assert (result.outcome, result.external_ids) == (Outcome.DONE, {"listing_id": "5002", "product_id": "5002"})


@pytest.mark.parametrize(("shown", "outcome"), [(2, Outcome.DONE), (3, Outcome.RETRY)])
async def test_update_that_changed_nothing_is_read_back(platform: Platform, shown: int, outcome: Outcome) -> None:
    platform.on("PUT", PRODUCT, (200, {"updateCount": 0}))
    platform.on("GET", PRODUCT, (200, product(quantity=shown)))
    assert (await push_one(platform, external_ids=KNOWN)).outcome is outcome


async def test_ended_product_is_hidden_and_empty(platform: Platform) -> None:
    platform.on("PUT", PRODUCT, (200, {"updateCount": 1}))
    result = await push_one(platform, external_ids=KNOWN, phase=ListingPhase.ENDED)
    assert result.outcome is Outcome.DONE
    assert platform.calls[0].json == {"quantity": 0, "unlimited": False, "enabled": False}


@pytest.mark.parametrize("changes", [{"quantity": 0}, {"phase": ListingPhase.ENDED}, {"quantity": 0, "price": None}])
async def test_nothing_to_sell_and_nothing_shown_makes_nothing(platform: Platform, changes: dict[str, Any]) -> None:
    platform.on("GET", PRODUCTS, (200, NOTHING))
    assert (await push_one(platform, **changes)).outcome is Outcome.DONE


async def test_new_listing_without_a_price_waits_for_a_person(platform: Platform) -> None:
    platform.on("GET", PRODUCTS, (200, NOTHING))
    assert (await push_one(platform, price=None)).code == "price_missing"


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ((400, {"errorMessage": "Wrong field"}), Outcome.PERMANENT, "http_400"),
        ((401, "Unauthorized"), Outcome.AUTH, "http_401"),
        ((402, {"errorMessage": "Payment required"}), Outcome.AUTH, "connection_suspended"),
        ((403, "Forbidden"), Outcome.AUTH, "http_403"),
        ((422, "Unprocessable"), Outcome.PERMANENT, "http_422"),
        ((429, "Too Many Requests"), Outcome.RETRY, "http_429"),
        ((500, {"errorMessage": "Oops"}), Outcome.RETRY, "http_500"),
        (fails(httpx2.ReadTimeout), Outcome.UNKNOWN, "ReadTimeout"),
        ((200, "<html>"), Outcome.UNKNOWN, "unreadable"),
    ],
)
async def test_failure_of_a_change_is_sorted(
    platform: Platform, answer: Answering | tuple[int, Any], outcome: Outcome, code: str
) -> None:
    platform.on("PUT", PRODUCT, answer)
    result = await push_one(platform, external_ids=KNOWN)
    assert (result.outcome, result.code) == (outcome, code)


async def test_too_many_requests_silences_the_whole_token(platform: Platform) -> None:
    platform.on("PUT", PRODUCT, lambda call: reply(429, "slow down", Retry_After="40"))
    channel = make_channel(platform)
    (first,) = await channel.push([state(external_ids=KNOWN)])
    (second,) = await channel.push([state(external_ids=KNOWN)])
    assert (first.outcome, first.retry_after_s) == (Outcome.RETRY, 40.0)
    assert (second.outcome, second.code) == (Outcome.RETRY, "QUOTA")
    assert len(platform.calls) == 1
    assert channel.quotas()[0].remaining == 0


# -- batches ------------------------------------------------------------------------------------------------------


class BatchServer:
    """The batch endpoint over a function that answers single calls."""

    def __init__(self, platform: Platform, *, polls: int = 2) -> None:
        self.entries: list[dict[str, Any]] = []
        self.single: Any = lambda entry: {"status": "COMPLETED", "httpStatusCode": 200, "httpBody": {"updateCount": 1}}
        self._polls_left = polls
        platform.on("POST", BATCH, self.open)
        platform.on("GET", BATCH, self.poll)

    def open(self, call: Call) -> httpx2.Response:
        self.entries = call.json
        return reply(200, {"ticket": "ticket-1"})

    def poll(self, call: Call) -> httpx2.Response:
        assert call.query == {"ticket": "ticket-1"}
        self._polls_left -= 1
        if self._polls_left > 0:
            return reply(200, {"status": "IN_PROGRESS", "totalRequests": len(self.entries), "completedRequests": 0})
        responses = [{"id": entry["id"]} | self.single(entry) for entry in self.entries]
        return reply(200, {"status": "COMPLETED", "responses": [one for one in responses if "status" in one]})


def many(count: int, **changes: Any) -> list[ListingState]:
    return [
        state(listing_id=number, platform_sku=f"S{number}", external_ids={"product_id": str(number + 1)}, **changes)
        for number in range(count)
    ]


async def test_many_changes_go_as_one_batch(platform: Platform) -> None:
    server = BatchServer(platform)
    results = await make_channel(platform).push(many(500, content_changed=False))
    assert {result.outcome for result in results} == {Outcome.DONE}
    (opened,) = platform.seen("POST", BATCH)
    assert opened.query["stopOnFirstFailure"] == "false"
    assert len(opened.query["deduplicationKey"]) == 36
    assert server.entries[0] == {
        "id": "0",
        "path": "/products/1",
        "method": "PUT",
        "body": {"quantity": 2, "unlimited": False, "price": 49.99, "enabled": True},
    }
    assert len(platform.calls) == 3


async def test_handful_of_changes_goes_directly(platform: Platform) -> None:
    for number in range(1, 6):
        platform.on("PUT", f"{PRODUCTS}/{number}", (200, {"updateCount": 1}))
    results = await make_channel(platform).push(many(5))
    assert {result.outcome for result in results} == {Outcome.DONE}
    assert not platform.seen("POST", BATCH)


async def test_each_part_of_a_batch_has_its_own_outcome(platform: Platform) -> None:
    server = BatchServer(platform)
    parts: dict[str, dict[str, Any]] = {
        "1": {"status": "FAILED", "httpStatusCode": 400, "httpBody": {"errorMessage": "Wrong"}},
        "2": {"status": "FAILED", "httpStatusCode": 500, "httpBody": None},
        "3": {"status": "NOT_EXECUTED"},
        "4": {},
        "5": {"status": "COMPLETED", "http_code": 200, "http_body": {"updateCount": 1}},
        "6": {"status": "FAILED", "httpStatusCode": 429},
    }
    done = {"status": "COMPLETED", "httpStatusCode": 200, "httpBody": {"updateCount": 1}}
    server.single = lambda entry: parts.get(entry["id"], done)
    results = await make_channel(platform).push(many(20))
    assert [result.outcome for result in results[:8]] == [
        Outcome.DONE,
        Outcome.PERMANENT,
        Outcome.RETRY,
        Outcome.RETRY,
        Outcome.UNKNOWN,
        Outcome.DONE,
        Outcome.RETRY,
        Outcome.DONE,
    ]


async def test_batch_opened_without_an_answer_is_opened_again_under_the_same_key(platform: Platform) -> None:
    server = BatchServer(platform)
    platform.on("POST", BATCH, fails(httpx2.ReadTimeout), server.open)
    results = await make_channel(platform).push(many(20))
    assert {result.outcome for result in results} == {Outcome.DONE}
    keys = [call.query["deduplicationKey"] for call in platform.seen("POST", BATCH)]
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_batch_that_is_never_done_is_unknown(platform: Platform) -> None:
    BatchServer(platform, polls=1000)
    results = await make_channel(platform).push(many(20))
    assert {result.outcome for result in results} == {Outcome.UNKNOWN}


async def test_failed_look_at_a_batch_is_not_the_end_of_it(platform: Platform) -> None:
    server = BatchServer(platform, polls=1)
    platform.on("GET", BATCH, (503, "<html>Busy</html>"), server.poll)
    results = await make_channel(platform).push(many(20))
    assert {result.outcome for result in results} == {Outcome.DONE}


async def test_refused_batch_is_told_for_each_listing(platform: Platform) -> None:
    platform.on("POST", BATCH, (400, {"error_message": "Batch request body is invalid"}))
    results = await make_channel(platform).push(many(20))
    assert {(result.outcome, result.code) for result in results} == {(Outcome.PERMANENT, "http_400")}


async def test_many_new_listings_are_looked_for_and_made_in_two_batches(platform: Platform) -> None:
    server = BatchServer(platform, polls=0)

    def single(entry: dict[str, Any]) -> dict[str, Any]:
        body = NOTHING if entry["method"] == "GET" else {"id": 9000 + int(entry["id"])}
        return {"status": "COMPLETED", "httpStatusCode": 200, "httpBody": body}

    server.single = single
    batch = [state(listing_id=number, platform_sku=f"N/{number}") for number in range(30)]
    results = await make_channel(platform).push(batch)
    assert {result.outcome for result in results} == {Outcome.DONE}
    assert results[3].external_ids == {"listing_id": "9003", "product_id": "9003"}
    looked, made = (call.json for call in platform.seen("POST", BATCH))
    assert looked[3]["path"] == "/products?sku=N%2F3"
    assert made[3]["body"]["sku"] == "N/3"


# -- reading ------------------------------------------------------------------------------------------------------


async def test_read_finds_by_id_and_else_by_sku(platform: Platform) -> None:
    platform.on("GET", PRODUCT, (200, product(enabled=False)))
    platform.on("GET", f"{PRODUCTS}/5002", (404, "Not Found"))
    platform.on("GET", PRODUCTS, (200, found(product(id=5003, sku="MOVED"))), (200, NOTHING))
    hidden, moved, absent = await make_channel(platform).read(
        [
            state(external_ids=KNOWN),
            state(listing_id=2, platform_sku="MOVED", external_ids={"product_id": "5002"}),
            state(listing_id=3, platform_sku="ABSENT"),
        ]
    )
    assert (hidden.quantity, hidden.price, hidden.phase) == (2, Decimal("49.99"), ListingPhase.ENDED)
    assert (moved.exists, moved.external_ids) == (True, {"listing_id": "5003", "product_id": "5003"})
    assert not absent.exists


async def test_variation_without_a_sku_shows_the_quantity_of_its_product(platform: Platform) -> None:
    variations = [{"id": 77, "price": 55.5}]
    platform.on("GET", PRODUCT, (200, product(quantity=4, combinations=variations)))
    (live,) = await make_channel(platform).read([state(external_ids=VARIATION)])
    assert (live.quantity, live.price) == (4, Decimal("55.5"))


async def test_unlimited_product_has_no_quantity(platform: Platform) -> None:
    platform.on("GET", PRODUCT, (200, product(unlimited=True)))
    (live,) = await make_channel(platform).read([state(external_ids=KNOWN)])
    assert live.quantity is None


async def test_read_in_trouble_raises(platform: Platform) -> None:
    platform.on("GET", PRODUCT, (500, "Oops"))
    with pytest.raises(ChannelError):
        await make_channel(platform).read([state(external_ids=KNOWN)])


def test_missing_credentials_are_named() -> None:
    account = ecwid_account()
    object.__setattr__(account, "credentials", {"store_id": "1"})
    with pytest.raises(ValueError, match="access_token"):
        EcwidChannel(account)


@pytest.mark.parametrize("base", ["https://e.test", "https://e.test/api/v3/", "https://e.test/api/v3/4870020"])
async def test_base_address_may_hold_the_api_path_and_the_store(platform: Platform, base: str) -> None:
    account = ecwid_account()
    object.__setattr__(account, "api_base_url", base)
    platform.on("GET", PRODUCTS, (200, NOTHING))
    await EcwidChannel(account, transport=platform.transport).check()
