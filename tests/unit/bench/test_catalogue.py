"""The generated catalogue: the same every time, as long as asked, and with nothing in it that an import would report."""

import csv
import io
from collections import Counter

import pytest

from bench.catalogue import HEADER, as_csv, rows


@pytest.mark.parametrize("number", [0, 1, 2_391])
def test_file_has_header_and_as_many_rows_as_asked(number: int) -> None:
    read = list(csv.reader(io.StringIO(as_csv(number).decode())))
    assert tuple(read[0]) == HEADER
    assert len(read) == number + 1


def test_same_file_every_time_and_a_longer_one_begins_with_it() -> None:
    assert as_csv(500) == as_csv(500)
    assert as_csv(600).startswith(as_csv(500))


def test_skus_are_unique_and_families_are_some_four_rows() -> None:
    made = list(rows(2_391))
    sku, family = HEADER.index("sku"), HEADER.index("Group Name")
    assert len({row[sku] for row in made}) == len(made)
    assert 3 < len(made) / len({row[family] for row in made}) < 5


def test_all_kinds_and_all_platforms_occur() -> None:
    made = list(rows(2_391))
    kinds = Counter(row[HEADER.index("Product Type")] for row in made)
    platforms = Counter(row[HEADER.index("platform")] for row in made)
    assert set(kinds) == {"Product", "Parts", "Bundle"}
    assert len(platforms) == 5
    assert min(platforms.values()) > 200
