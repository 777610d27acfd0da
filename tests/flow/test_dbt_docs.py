"""dbt's documentation of the project is one page that loads nothing, names no place of this machine, and holds no row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import duckdb
import pytest

from pipelines.dbt_docs import POLICY, TRACKER, dbt_page
from pipelines.errors import WarehouseError
from pipelines.settings import REPO, Home


@pytest.fixture(scope="module")
def page(published: Home) -> str:
    return dbt_page(published).decode("utf-8")


def test_it_tells_of_every_table_of_the_edition(published: Home, page: str) -> None:
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        tables = [table for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
    assert [table for table in tables if f"model.governance_warehouse.{table}" not in page] == ["edition"]
    assert escaped("指标值与判定") in page and "semantic_model.governance_warehouse.figures" in page


def test_a_browser_loads_nothing_for_it(page: str) -> None:
    assert page.index(POLICY) < page.index("<script")
    assert TRACKER not in page
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(?:https?:)?//", page)


def test_it_names_no_folder_of_this_machine(published: Home, page: str) -> None:
    assert str(published.root) not in page and str(REPO) not in page


def test_its_catalogue_holds_no_value(published: Home, page: str) -> None:
    """Names of units and codes stand in rows, and the page has none of them."""
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        units = connection.execute("select unit_code, unit_name from dim_unit where unit_level = 'community'").fetchall()
    assert len(units) > 200
    assert [one for unit in units for one in unit if one in page or escaped(one) in page] == []


def test_the_parsed_project_stays_as_it_was(published: Home, page: str) -> None:
    assert json.loads(published.manifest.read_text("utf-8"))["metadata"]["project_name"] == "governance_warehouse"


def test_without_a_run_it_says_what_to_do(published: Home, copy_of: Callable[[Home], Home]) -> None:
    home = copy_of(published)
    home.manifest.unlink()
    with pytest.raises(WarehouseError, match="warehouse publish"):
        dbt_page(home)


def escaped(text: str) -> str:
    """As dbt writes it into the page."""
    return json.dumps(text)[1:-1]
