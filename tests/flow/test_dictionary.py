"""The dictionary leaves out nothing of an edition, tells where it comes from, and needs no network."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import duckdb
import fastexcel
import pytest

from expectations.contract import load_contracts
from pipelines.dictionary import Dictionary, file_name, in_both, read_dictionary, to_html, to_xlsx
from pipelines.editions import current_edition
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home


@pytest.fixture(scope="module")
def dictionary(published: Home) -> Dictionary:
    return read_dictionary(published, current_edition(published))


def test_every_table_and_column_is_told_in_both_languages(published: Home, dictionary: Dictionary) -> None:
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        found = set(connection.execute("select table_name, column_name from duckdb_columns() where not internal").fetchall())
    told = {(table.name, column.name): column.words for table in dictionary.tables for column in table.columns}
    assert set(told) == found
    speechless = [place for place, words in told.items() if not words.zh or not words.en]
    assert not speechless


def test_lineage_leads_back_to_contracts(dictionary: Dictionary) -> None:
    tables = {table.name: table for table in dictionary.tables}
    assert set(tables["fct_kpi"].datasets) <= set(load_contracts())
    assert {"grid_residents", "police_residence_registrations", "grid_disputes"} <= set(tables["fct_kpi"].datasets)
    assert "kpi_inputs" in tables["fct_kpi"].models
    assert set(tables["fct_assessment"].datasets) < set(tables["fct_kpi"].datasets)
    assert tables["edition"].models == ()


def test_the_page_holds_every_indicator_target_and_dataset(dictionary: Dictionary) -> None:
    page = to_html(dictionary).decode("utf-8")
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert {f"kpi-{kpi['kpi_id']}" for kpi in dictionary.kpis} <= ids
    assert {f"dataset-{name}" for name in load_contracts()} <= ids
    assert all(target["target_id"] in page for target in dictionary.targets)
    assert "示例数据" in page and file_name(dictionary, "html").endswith("_示例数据.html")


def test_the_page_asks_nothing_of_the_network_and_links_only_inside(dictionary: Dictionary) -> None:
    page = to_html(dictionary).decode("utf-8")
    found = _Links()
    found.feed(page)
    assert not found.loaded
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert found.links and all(link.removeprefix("#") in ids for link in found.links)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        if given.get("src") or tag == "link":
            self.loaded.append(tag)


def test_the_workbook_has_a_row_for_every_column(dictionary: Dictionary) -> None:
    sheet = fastexcel.read_excel(to_xlsx(dictionary)).load_sheet("栏 columns").to_polars()
    assert sheet.height == sum(len(table.columns) for table in dictionary.tables)


def test_a_comment_is_split_into_its_languages() -> None:
    assert in_both("值 / value, null where 0 / 0") == Words("值", "value, null where 0 / 0")
    assert in_both("值") == Words("值", "值")


def test_without_a_parsed_project_it_says_what_to_do(published: Home, copy_of: object) -> None:
    home = copy_of(published)  # type: ignore[operator]
    home.manifest.unlink()
    with pytest.raises(WarehouseError, match="warehouse publish"):
        read_dictionary(home, current_edition(home))
