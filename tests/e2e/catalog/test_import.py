"""A catalogue in and out, over JSON and over gRPC, on the running hub."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import httpx2
import pytest
from google.api import httpbody_pb2
from usav.catalog.v1 import catalog_service_pb2_grpc, transfer_pb2

from deploy.local.hub import Hub
from tests.e2e.catalog.importing import (
    MADE,
    SAMPLE,
    STATUSES,
    as_csv,
    catalog_of,
    import_catalog,
    made_nothing,
    post_catalog,
    rows_of,
    sample_under,
    summary_of,
)


@pytest.fixture
def brand() -> str:
    """A name that no other test uses."""
    return f"Brand{uuid4().hex[:8]}"


async def export(client: httpx2.AsyncClient, **query: str) -> str:
    """The catalogue as CSV."""
    answer = await client.get("/api/v1/catalog/export", params=query, timeout=110)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return answer.text


async def test_every_row_of_the_sample_ends_somewhere(admin: httpx2.AsyncClient) -> None:
    answer = await post_catalog(admin, SAMPLE.read_bytes())
    rows, summary = rows_of(answer), summary_of(answer)
    lines = [row["line"] for row in rows]
    assert summary["rows"] == sum(summary[name] for name in STATUSES) == len(rows) == 43
    assert lines == sorted(set(lines))
    reported = {row["line"]: (row["field"], row["reason"]) for row in rows if row["status"] == "REPORTED"}
    assert sorted(reported.values()) == [("sku", "SKU_MISSING"), ("sku", "SKU_TWICE")]
    assert summary["reported_by_reason"] == {"SKU_MISSING": "1", "SKU_TWICE": "1"}


async def test_a_second_import_changes_nothing(admin: httpx2.AsyncClient, brand: str) -> None:
    content = sample_under(brand)
    first = await import_catalog(admin, content)
    assert (first["created_families"], first["created_recipe_lines"], first["created_rows"]) == (9, 6, 41)
    second = await import_catalog(admin, content)
    assert made_nothing(second)
    assert (second["unchanged_rows"], second["reported_rows"]) == (41, 2)


async def test_a_dry_run_changes_nothing_and_tells_what_the_import_will_do(
    admin: httpx2.AsyncClient, brand: str
) -> None:
    content = sample_under(brand)
    before = await export(admin)
    told = await import_catalog(admin, content, dry_run=True)
    assert told["dry_run"] is True
    assert await export(admin) == before
    done = await import_catalog(admin, content)
    assert {name: told[name] for name in (*STATUSES, *MADE)} == {name: done[name] for name in (*STATUSES, *MADE)}


async def test_a_dry_run_tells_the_same_of_names_in_another_case(admin: httpx2.AsyncClient, brand: str) -> None:
    content = catalog_of(brand, 4).replace(b", " + brand.encode(), b", " + brand.upper().encode())
    told = await import_catalog(admin, content, dry_run=True)
    done = await import_catalog(admin, content)
    assert {name: told[name] for name in MADE} == {name: done[name] for name in MADE}
    assert done["created_families"] == 4


async def test_two_imports_at_once_make_everything_once(admin: httpx2.AsyncClient, brand: str) -> None:
    content = catalog_of(brand, 60)
    both = await asyncio.gather(import_catalog(admin, content), import_catalog(admin, content))
    assert sum(one["created_families"] for one in both) == 60
    assert sum(one["created_variants"] for one in both) == 180
    assert sum(one["created_recipe_lines"] for one in both) == 120
    assert sum(one["created_listings"] for one in both) == 240
    assert [one["reported_rows"] for one in both] == [0, 0]
    assert made_nothing(await import_catalog(admin, content))


async def test_an_export_imported_again_changes_nothing(admin: httpx2.AsyncClient, brand: str) -> None:
    await import_catalog(admin, sample_under(brand))
    text = await export(admin)
    mine = [row for row in csv.DictReader(io.StringIO(text)) if brand in row["Group Name"]]
    assert len([row for row in mine if row["sku"]]) == 41
    again = await import_catalog(
        admin, as_csv([[row[name] for name in _columns(text)] for row in mine], _columns(text))
    )
    assert made_nothing(again)
    assert again["reported_rows"] == 0


async def test_an_export_may_be_of_one_family(admin: httpx2.AsyncClient, brand: str) -> None:
    await import_catalog(admin, catalog_of(brand, 2))
    whole = list(csv.DictReader(io.StringIO(await export(admin))))
    number = next(row["product_id"] for row in whole if row["Group Name"] == f"{brand} Speaker 0")
    rows = list(csv.DictReader(io.StringIO(await export(admin, product_id=number))))
    assert {row["Group Name"] for row in rows} == {f"{brand} Speaker 0"}
    assert {row["full_sku"] for row in rows} == {
        *(f"{int(number):05}-BK", f"{int(number):05}-P-1", f"{int(number):05}-B-BK")
    }


async def test_names_with_letters_of_all_kinds_are_one_family_each(admin: httpx2.AsyncClient, brand: str) -> None:
    names = [f"{brand} İstanbul", f"{brand} ΟΔΟΣ ΣΑΣ", f"{brand} Éclat", f"{brand} Straße", f"{brand} 東京 🎧"]
    rows = [[name, "Product", "", "", "", "", f"{name[:20]}{i}", "Ecwid", "", name] for i, name in enumerate(names)]
    assert (await import_catalog(admin, as_csv(rows)))["created_families"] == 5
    assert made_nothing(await import_catalog(admin, as_csv(rows)))


async def test_a_third_recipe_of_a_family_is_reported_and_the_others_are_kept(
    admin: httpx2.AsyncClient, brand: str
) -> None:
    recipes = ("Alpha, Beta", "Alpha, Gamma", "Alpha, Delta", "Beta, Alpha")
    rows = [[brand, "Bundle", "", "", "", parts, f"{brand}{i}", "Amazon", "", brand] for i, parts in enumerate(recipes)]
    answer = await post_catalog(admin, as_csv(rows))
    found = rows_of(answer)
    assert [row["full_sku"][5:] for row in found] == ["-B", "-K", "", "-B"]
    assert [row["reason"] for row in found] == ["", "", "RECIPE_SLOTS_TAKEN", ""]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"Group Name,sku\nA,B\n", "Product Type"),
        (as_csv([]) + b'A,"unclosed', "line 2"),
    ],
)
async def test_a_file_that_is_no_catalogue_is_refused(admin: httpx2.AsyncClient, content: bytes, said: str) -> None:
    answer = await post_catalog(admin, content)
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["message"]


async def test_over_grpc_the_report_comes_in_order_with_progress(hub: Hub, admin_token: str, brand: str) -> None:
    content = sample_under(brand)
    messages = [message async for message in _over_grpc(hub, admin_token, content)]
    stages = [message.progress.stage for message in messages if message.HasField("progress")]
    assert stages == sorted(stages, key=["READING", "PRODUCTS", "BUNDLES", "LISTINGS"].index)
    assert messages[-1].summary.created_rows == 41
    assert [message.HasField("summary") for message in messages[:-1]].count(True) == 0
    assert sum(len(message.rows) for message in messages) == messages[-1].summary.rows == 43


async def _over_grpc(hub: Hub, token: str, content: bytes) -> AsyncIterator[transfer_pb2.ImportCatalogResponse]:
    async def pieces() -> AsyncIterator[transfer_pb2.ImportCatalogRequest]:
        for start in range(0, len(content), 1000):
            file = httpbody_pb2.HttpBody(data=content[start : start + 1000])
            yield transfer_pb2.ImportCatalogRequest(file=file)

    async with grpc.aio.insecure_channel(hub.gateway_url.removeprefix("http://")) as channel:
        stub: Any = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        call = stub.ImportCatalog(pieces(), metadata=(("authorization", f"Bearer {token}"),), timeout=60)
        async for message in call:
            yield message


def _columns(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text)))
