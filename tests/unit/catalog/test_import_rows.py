"""What one row of a catalogue says, and what is wrong with rows."""

from __future__ import annotations

import pytest

from catalog_svc.domain.import_rows import (
    COLUMNS,
    OPTIONAL_COLUMNS,
    CatalogRow,
    Problem,
    RowKind,
    RowReader,
    color_name,
    key_of,
    split_included,
)

PRODUCT = {
    "Group Name": "Auralin One",
    "Product Type": "Product",
    "sku": "900110000011",
    "platform": "MEKONG_eBay",
    "name": "Auralin One, Black",
}


def read(**cells: str) -> CatalogRow | Problem:
    """The row of a product with some cells changed; underscores stand for the spaces of column names."""
    values = {**PRODUCT, **{name.replace("_", " "): text for name, text in cells.items()}}
    names = (*COLUMNS, *OPTIONAL_COLUMNS)
    reader = RowReader({name: place for place, name in enumerate(names)})
    return reader.read(2, [values.get(name, "") for name in names])


def row(**cells: str) -> CatalogRow:
    """A row that must be readable."""
    found = read(**cells)
    assert isinstance(found, CatalogRow), found
    return found


def problem(**cells: str) -> Problem:
    """A row that must not be."""
    found = read(**cells)
    assert isinstance(found, Problem), found
    return found


def test_a_plain_row_says_what_stands_in_it() -> None:
    found = row(ASIN="B0EXAMPLE1")
    assert (found.line, found.group, found.kind, found.platform, found.account) == (
        *(2, "Auralin One", RowKind.PRODUCT),
        *("EBAY", "MEKONG"),
    )
    assert (found.platform_sku, found.asin, found.name) == ("900110000011", "B0EXAMPLE1", "Auralin One, Black")
    assert (found.color, found.size, found.notes) == (None, None, ())


def test_used_is_the_condition_of_a_row_that_names_none() -> None:
    assert row().condition == "U"
    assert row(Product_Condition="n").condition == "N"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Product", "PRODUCT"), ("PARTS", "PART"), ("part", "PART"), ("bundle", "BUNDLE"), ("Service", "SERVICE")],
)
def test_product_types_are_known_in_any_case(text: str, kind: str) -> None:
    assert row(Product_Type=text, Component_Type="Remote", Included_Products="A, B").kind == kind


@pytest.mark.parametrize(
    ("text", "platform", "account"),
    [
        ("Amazon", "AMAZON", ""),
        ("ecwid", "ECWID", ""),
        ("Zoho", "ZOHO", ""),
        ("DRAGON_eBay", "EBAY", "DRAGON"),
        ("usav_ebay", "EBAY", "USAV"),
    ],
)
def test_platforms_are_known_with_their_account(text: str, platform: str, account: str) -> None:
    assert (row(platform=text).platform, row(platform=text).account) == (platform, account)


def test_a_row_without_channel_and_sku_is_a_product_that_is_not_listed() -> None:
    found = row(platform="", sku="")
    assert (found.platform, found.platform_sku) == ("", "")


def test_two_tones_become_one_color_and_that_is_told() -> None:
    found = row(Product_Color="WH/GY")
    assert (found.color, found.notes) == ("WG", ("Product Color: WH/GY became WG",))
    assert color_name("WG", found.notes) == "White/Gray"


@pytest.mark.parametrize(("code", "name"), [("WH", "White"), ("CH", "Charcoal"), ("QQ", "QQ")])
def test_a_new_color_is_called_by_what_it_is_known_as(code: str, name: str) -> None:
    assert color_name(code, ()) == name


def test_control_characters_are_mended_and_that_is_told() -> None:
    found = row(name="Auralin One \x96 Black")
    assert (found.name, found.notes) == ("Auralin One – Black", ("name: control characters repaired",))


@pytest.mark.parametrize(
    ("sku", "number"),
    [("01279-B", 1279), ("00845", 845), ("99999", 99999), ("1279", None), ("012790", None), ("A1279", None)],
)
def test_an_ecwid_sku_tells_the_number_of_its_family(sku: str, number: int | None) -> None:
    assert row(platform="Ecwid", sku=sku).ecwid_id == number
    assert row(platform="Amazon", sku=sku).ecwid_id is None


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"Group_Name": " "}, "Group Name", "GROUP_MISSING"),
        ({"Group_Name": "x" * 301}, "Group Name", "TEXT_TOO_LONG"),
        ({"name": "x" * 301}, "name", "TEXT_TOO_LONG"),
        ({"sku": "x" * 101}, "sku", "TEXT_TOO_LONG"),
        ({"ASIN": "x" * 21}, "ASIN", "TEXT_TOO_LONG"),
        ({"Product_Type": "Gadget"}, "Product Type", "PRODUCT_TYPE_UNKNOWN"),
        ({"Product_Type": ""}, "Product Type", "PRODUCT_TYPE_UNKNOWN"),
        ({"Product_Type": "Parts"}, "Component Type", "COMPONENT_MISSING"),
        ({"Product_Type": "Bundle", "Included_Products": " , "}, "Included Products", "RECIPE_MISSING"),
        ({"Product_Color": "Black"}, "Product Color", "COLOR_INVALID"),
        ({"Product_Color": "ZL"}, "Product Color", "COLOR_INVALID"),
        ({"Product_Size": "XL"}, "Product Size", "SIZE_INVALID"),
        ({"Product_Condition": "new"}, "Product Condition", "CONDITION_INVALID"),
        ({"platform": "Etsy"}, "platform", "PLATFORM_UNKNOWN"),
        ({"platform": ""}, "platform", "PLATFORM_UNKNOWN"),
        ({"platform": "_eBay"}, "platform", "PLATFORM_UNKNOWN"),
        ({"platform": "bad account_eBay"}, "platform", "PLATFORM_UNKNOWN"),
    ],
)
def test_what_is_wrong_is_told_with_column_and_reason(cells: dict[str, str], column: str, reason: str) -> None:
    found = problem(**cells)
    assert (found.column, found.reason) == (column, reason)
    assert found.message


def test_a_row_shorter_than_the_header_has_empty_cells() -> None:
    reader = RowReader({name: place for place, name in enumerate(COLUMNS)})
    found = reader.read(7, ["Auralin One", "Product"])
    assert isinstance(found, CatalogRow)
    assert found.name == ""


@pytest.mark.parametrize("pair", [("Bose", "BOSE"), ("Éclat", "éCLAT"), ("ΟΔΟΣ", "οδοσ")])
def test_names_are_compared_without_case(pair: tuple[str, str]) -> None:
    assert key_of(pair[0]) == key_of(pair[1])


def test_small_letters_of_a_name_are_as_many_as_its_letters() -> None:
    assert len(key_of("İstanbul ΣΑΣ")) == len("İstanbul ΣΑΣ")


def test_included_products_are_names_between_commas() -> None:
    assert split_included(" Soundbar, Subwoofer,, Subwoofer ,") == ["Soundbar", "Subwoofer", "Subwoofer"]
    assert split_included("") == []
