"""Each run leaves Data Docs whose counts are the ledger's, which hold nothing that was delivered, and which are served."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from flask.testing import FlaskClient

from dashboards.data_docs import data_docs_href, run_href
from dashboards.server import create_app
from expectations.contract import Contract, load_contract, load_contracts
from pipelines.data_docs import newest_page, page_of_run
from pipelines.settings import Home
from pipelines.store import Store

MONTH = "2026-01"


def lines(home: Home) -> list[dict[str, Any]]:
    """What stands in the list of the one run, a line for each validation."""
    (path,) = home.data_docs.glob("*/validations.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def client(published: Home) -> FlaskClient:
    return create_app(published.published).server.test_client()


def test_every_dataset_and_month_has_its_page(published: Home) -> None:
    with_rows = {(path.parts[-3], path.parts[-2].removeprefix("period=")) for path in published.lake.glob("*/period=2*/*.parquet")}
    assert {(line["dataset"], line["month"]) for line in lines(published)} == with_rows
    assert {dataset for dataset, _ in with_rows} == set(load_contracts())
    for dataset, month in with_rows:
        assert newest_page(published, dataset, month).is_file()


def test_rules_that_fail_are_those_of_the_ledger(published: Home) -> None:
    """Where no file was refused, whose rows stand on the page but not in the ledger."""
    store = Store.of(published, read_only=True)
    failed: dict[tuple[str, str], set[str]] = {}
    for row in store.latest_rule_results():
        rules = failed.setdefault((row["dataset"], row["period"]), set())
        if row["rows_failed"]:
            rules.add(row["rule_id"])
    store.close()
    compared = {
        (line["dataset"], line["month"]): sum(line["rules_failed"].values())
        for line in lines(published)
        if not line["suppliers_refused"]
    }
    assert len(compared) > 50 and sum(compared.values()) > 200
    assert compared == {place: len(failed[place]) for place in compared}


def delivered_texts(home: Home, contract: Contract) -> set[str]:
    """Every text of six characters or more that the lake has of a month, but for the words that contracts list."""
    listed = {"batch_id", "supplier_id", "key_id"} | {
        lake.name for column in contract.columns if column.values for lake in column.lake_columns()
    }
    listed |= {column.check_name for column in contract.columns if column.privacy != "none"}
    frames = map(pl.read_parquet, home.lake.glob(f"{contract.dataset}/period={MONTH}/*.parquet"))
    columns = [frame[name] for frame in frames for name, dtype in frame.schema.items() if dtype == pl.String and name not in listed]
    return {text for column in columns for text in column.drop_nulls().unique() if len(text) >= 6}


@pytest.mark.parametrize("dataset", ["grid_residents", "grid_events", "household_persons", "civil_facilities", "grid_disputes"])
def test_nothing_that_was_delivered_stands_on_a_page(published: Home, dataset: str) -> None:
    texts = delivered_texts(published, load_contract(dataset))
    page = newest_page(published, dataset, MONTH).read_text("utf-8")
    assert len(texts) > 20
    assert [text for text in texts if text in page] == []
    assert not re.search(r"[0-9]{17}[0-9Xx]", page)


def test_pages_are_served_with_all_that_they_lead_to(published: Home, client: FlaskClient) -> None:
    index = client.get(data_docs_href())
    assert index.status_code == 200 and "script-src 'self'" in index.headers["Content-Security-Policy"]
    hrefs = [href for href in re.findall(r'href="([^"#]+)"', index.text) if href != "data:,"]
    assert len(hrefs) > 60
    assert {client.get(f"/data-docs/{href}").status_code for href in hrefs} == {200}
    run_id = page_of_run(published).parent / next(href for href in hrefs if href.endswith("/index.html"))
    assert client.get(run_href(run_id.parent.name)).status_code == 200


def test_the_work_of_a_dataset_and_month_leads_to_its_last_validation(published: Home, client: FlaskClient) -> None:
    answer = client.get(data_docs_href("grid_residents", MONTH))
    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).data == newest_page(published, "grid_residents", MONTH).read_bytes()
    assert 'href="/data-docs/index.html"' in client.get("/checks").text


@pytest.mark.parametrize(
    "path", ["newest/grid_residents/1999-01", "newest/x/y", "nothing.html", "../store/operational.db", "%2e%2e/county.yml", "//etc/passwd"]
)
def test_what_is_not_there_is_told_without_a_way_out(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/data-docs/{path}", follow_redirects=True)
    assert answer.status_code == 404 or "没有这个页面" in answer.text
    assert "county_code" not in answer.text and "SQLite" not in answer.text


def test_no_page_names_a_place_of_this_machine(published: Home) -> None:
    pages = list(published.data_docs.rglob("*"))
    assert len(pages) > 60
    assert [page for page in pages if page.is_file() and str(Path(published.root)) in page.read_text("utf-8")] == []
