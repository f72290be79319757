"""The switchboard: who meets a fault, how often, and always the same with a seed."""

import pytest

from sandbox.faults import Switchboard, rule_from_json


def test_rule_meets_only_the_calls_it_names() -> None:
    board = Switchboard()
    board.set("server_error", platform="ebay", account="USAV", operation="ebay.bulk_*")
    assert board.pick_call("EBAY", "USAV", "ebay.bulk_update_price_quantity") is not None
    assert board.pick_call("EBAY", "DRAGON", "ebay.bulk_update_price_quantity") is None
    assert board.pick_call("ECWID", "USAV", "ebay.bulk_update_price_quantity") is None
    assert board.pick_call("EBAY", "USAV", "ebay.get_item") is None


def test_count_and_skip_bound_the_hits() -> None:
    board = Switchboard()
    rule = board.set("rate_limited", count=2, skip=1)
    fired = [board.pick_call("EBAY", "", "x") is not None for _ in range(5)]
    assert fired == [False, True, True, False, False]
    assert rule.hits == 2


def test_seed_makes_a_storm_repeatable() -> None:
    def storm() -> list[bool]:
        board = Switchboard()
        board.set("server_error", probability=0.5, seed=7)
        return [board.pick_call("EBAY", "", "x") is not None for _ in range(50)]

    assert storm() == storm()
    assert 10 < sum(storm()) < 40


def test_first_rule_that_fires_wins() -> None:
    board = Switchboard()
    board.set("slow", count=1)
    board.set("server_error")
    picked = [board.pick_call("EBAY", "", "x") for _ in range(2)]
    assert [rule.kind for rule in picked if rule] == ["slow", "server_error"]


def test_call_faults_and_webhook_faults_do_not_mix() -> None:
    board = Switchboard()
    board.set("dropped")
    assert board.pick_call("EBAY", "", "ebay.get_item") is None
    assert board.pick_webhook("ECWID", "USAV", "order.created") is not None


def test_sku_is_looked_for_in_the_call() -> None:
    board = Switchboard()
    board.set("server_error", sku="AB-1")
    assert board.pick_call("EBAY", "", "x", '{"sku": "AB-1"}') is not None
    assert board.pick_call("EBAY", "", "x", '{"sku": "AB-2"}') is None


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, "kind"),
        ({"kind": "explode"}, "kind"),
        ({"kind": "slow", "seconds": "1"}, "seconds"),
        ({"kind": "slow", "colour": 1}, "colour"),
        ({"kind": "slow", "probability": 2}, "probability"),
        ({"kind": "slow", "count": True}, "count"),
    ],
)
def test_bad_rule_names_the_field(document: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        rule_from_json(document)


def test_removed_rule_no_longer_fires() -> None:
    board = Switchboard()
    rule = board.set("server_error")
    assert board.remove(rule.rule_id)
    assert not board.remove(rule.rule_id)
    assert board.pick_call("EBAY", "", "x") is None
