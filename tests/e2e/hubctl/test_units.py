"""Units changed one, several or as they are scanned; orders and values. In this process, because it takes many commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from hubctl.app import hubctl as command_line
from tests.e2e.hubctl.conftest import HubctlUser, Ran


class InProcess(HubctlUser):
    """The same user, whose commands need no process each."""

    def run(self, *arguments: object, given: str = "") -> Ran:
        """Runs a command to its end, whatever that is."""
        ended = CliRunner().invoke(command_line, [str(each) for each in arguments], input=given, env=self.environment)
        return Ran(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture
def hubctl(user: HubctlUser) -> InProcess:
    """The hub's admin, signed in."""
    return InProcess(user.environment)


def test_units_are_changed_together_or_as_they_are_scanned(hubctl: InProcess, sku: str, serial: str) -> None:
    one, two, three = (f"{serial}-{number}" for number in (1, 2, 3))
    taken = hubctl.run("receive", sku, "-", "--each", "--cost", "5", given=f"{one}\n{two}\n{one}\n{three}\n")
    assert (taken.status, taken.out.count("RECEIVED"), taken.out.count("REFUSED")) == (1, 3, 1)
    assert "\a" in taken.out
    moved = hubctl.json("move", one, two, three, "B2")
    assert [(each["serial_number"], each["done"]) for each in moved] == [(one, True), (two, True), (three, True)]
    hubctl.ok("sell", one)
    refused = hubctl.run("reserve", one, two)
    assert (refused.status, "SOLD" in refused.err) == (1, True)
    assert (hubctl.json("stock", two))[0]["status"] == "AVAILABLE"
    partly = hubctl.run("--json", "reserve", one, two, "--partial")
    assert (partly.status, [each["done"] for each in partly.objects]) == (1, [False, True])
    scanned = hubctl.run("--json", "sell", "-", "--order", "O-3", given=f"{two}\nnobody's\n#abc\n{three}\n")
    assert (scanned.status, [each["outcome"] for each in scanned.objects]) == (
        1,
        ["SOLD", "REFUSED", "REFUSED", "SOLD"],
    )
    back = hubctl.run("return", "-", "--reason", "hums", given=f"{two}\n")
    assert (back.status, back.out.count("RMA")) == (0, 1)
    hubctl.ok("restock", two)
    hubctl.ok("sell", two, "--order", f"CTL:{serial}")
    whole = hubctl.json("return", "--order", f"CTL:{serial}", "--reason", "all of it")
    assert [(each["serial_number"], each["done"]) for each in whole] == [(two, True)]
    assert (hubctl.run("return", "--reason", "of what")).status == 2


def test_an_order_names_its_units_and_is_sold_line_by_line(hubctl: InProcess, sku: str, serial: str) -> None:
    hubctl.ok("receive", sku, f"{serial}-1", f"{serial}-2", f"{serial}-3")
    order = f"CTL:{serial}"
    held = hubctl.json("allocation", "hold", order, f"{sku}@{serial}-3,{serial}-2", f"{sku}=1")
    assert [item["serial_number"] for item in held[0]["items"]] == [f"{serial}-2", f"{serial}-3"]
    sold = hubctl.json("allocation", "commit", order, "1=89.00")
    assert [(line["line_id"], line["state"], line["items"][0]["sale_price"]["units"]) for line in sold] == [
        ("1", "SOLD", "89")
    ]
    assert [line["state"] for line in hubctl.json("allocation", "show", order)] == ["SOLD", "HELD"]
    hubctl.ok("allocation", "release", order, "2")


def test_an_edited_order_has_another_number_of_units(hubctl: InProcess, sku: str, serial: str) -> None:
    hubctl.ok("receive", sku, f"{serial}-1", f"{serial}-2")
    order = f"CTL:{serial}"
    (held,) = hubctl.json("allocation", "hold", order, f"{sku}=2")
    assert hubctl.run("allocation", "hold", order, f"{sku}=1").status == 1
    (fewer,) = hubctl.json("allocation", "hold", order, f"{sku}=1", "--change")
    assert (fewer["quantity"], [item["id"] for item in fewer["items"]]) == (1, [held["items"][0]["id"]])


def test_value_is_told_by_parts_and_of_the_past(hubctl: InProcess, sku: str, serial: str) -> None:
    before = datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    hubctl.ok("receive", sku, serial, "--cost", "7.25")
    hubctl.ok("sell", serial)
    after = (datetime.now(UTC) + timedelta(minutes=1)).isoformat(timespec="seconds").removesuffix("+00:00")
    for by in ("status", "location", "family", "condition"):
        assert "all" in (hubctl.ok("value", "--by", by, "--as-of", before)).out
    assert "all" in (hubctl.ok("cogs", before, after, "--by", "condition")).out
    sold = (hubctl.json("cogs", before, after))[0]["total"]
    assert int(sold["sold_units"]) >= 1
    assert (hubctl.run("cogs", "yesterday", after)).status == 2
