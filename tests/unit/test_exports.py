"""Exports keep codes as text, run nothing when opened, read nothing but the edition, and say what they are."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import duckdb
import fastexcel
import polars as pl
import pytest

from pipelines.editions import Edition, current_edition
from pipelines.errors import WarehouseError
from pipelines.exports import Request, export, harmless
from pipelines.settings import Home
from tests.support.edition import build_edition


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The small edition, with a manifest as publishing writes it."""
    home = Home(tmp_path_factory.mktemp("exports"))
    folder = build_edition(home.published)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    described = {"county_name": "洛川县", "is_sample": True}
    (folder / "manifest.json").write_text(json.dumps(manifest | described), "utf-8")
    return home


@pytest.fixture(scope="module")
def edition(home: Home) -> Edition:
    return current_edition(home)


def rows_of(content: bytes, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(encoding))))


def test_the_file_is_named_after_report_period_area_and_edition(home: Home, edition: Edition) -> None:
    name, _ = export(home, edition, Request("fct_flag", "610629001", "2026-06"), "csv")
    assert name == "洛川县_fct_flag_2026-06_凤栖街道_2026-07-15-001_示例数据.csv"


def test_only_the_unit_those_below_it_and_the_period_are_given(home: Home, edition: Edition) -> None:
    rows = rows_of(export(home, edition, Request("fct_kpi", "610629001", "2026-06"), "csv")[1])
    assert {row["unit_code"][:9] for row in rows} == {"610629001"}
    assert {(row["period_type"], row["period"]) for row in rows} == {("month", "2026-06-01")}
    with duckdb.connect(str(edition.folder / "warehouse.duckdb"), read_only=True) as connection:
        (expected,) = connection.execute(
            "select count(*) from fct_kpi where unit_code like '610629001%' and period_type = 'month' and period = '2026-06-01'"
        ).fetchone()  # type: ignore[misc]
    assert len(rows) == expected > 0


def test_months_of_a_quarter_are_given_where_rows_are_monthly(home: Home, edition: Edition) -> None:
    rows = rows_of(export(home, edition, Request("fct_delivery", period="2026-Q2"), "csv")[1])
    assert {row["period"] for row in rows} == {"2026-04-01", "2026-05-01", "2026-06-01"}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_every_row_tells_edition_and_sample(home: Home, edition: Edition, kind: str) -> None:
    content = export(home, edition, Request("dim_kpi"), kind)[1]
    frame = {
        "csv": lambda: pl.DataFrame(rows_of(content)),
        "xlsx": lambda: fastexcel.read_excel(content).load_sheet("data").to_polars(),
        "parquet": lambda: pl.read_parquet(content),
    }[kind]()
    assert frame["edition_id"].unique().to_list() == ["2026-07-15-001"]
    assert frame["data_kind"].unique().to_list() == ["示例数据 sample data"]


def test_gb18030_holds_the_same_rows(home: Home, edition: Edition) -> None:
    request = Request("dim_unit")
    assert rows_of(export(home, edition, request, "csv", "gb18030")[1], "gb18030") == rows_of(
        export(home, edition, request, "csv")[1]
    )


def test_codes_stay_text_in_every_format(home: Home, edition: Edition) -> None:
    request = Request("dim_unit", "610629001001")
    assert '"610629001001"' in export(home, edition, request, "csv")[1].decode("utf-8-sig")
    sheet = fastexcel.read_excel(export(home, edition, request, "xlsx")[1]).load_sheet("data").to_polars()
    assert sheet["unit_code"].to_list() == ["610629001001", *(f"610629001001-00{grid}" for grid in (1, 2, 3))]
    assert pl.read_parquet(export(home, edition, request, "parquet")[1]).schema["unit_code"] == pl.String


DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")


def test_text_that_looks_like_a_formula_is_not_run(home: Home, edition: Edition) -> None:
    values = ", ".join(f"('{text}')" for text in DANGEROUS)
    request = Request(f"select * from (values {values}) as rows(text)")
    assert [row["text"] for row in rows_of(export(home, edition, request, "csv")[1])] == [f"'{text}" for text in DANGEROUS]
    content = export(home, edition, request, "xlsx")[1]
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert "<f>" not in package.read("xl/worksheets/sheet1.xml").decode("utf-8")
    assert fastexcel.read_excel(content).load_sheet("data").to_polars()["text"][0] == "=1+1"


def test_a_negative_number_stays_a_number(home: Home, edition: Edition) -> None:
    content = export(home, edition, Request("select -1.50::decimal(9, 2) as change"), "csv")[1]
    assert content.decode("utf-8-sig").splitlines()[1].startswith("-1.50,")
    assert harmless("-1") == "'-1"


def test_a_query_keeps_its_order(home: Home, edition: Edition) -> None:
    request = Request("select unit_code from dim_unit order by unit_code desc;", name="单位")
    name, content = export(home, edition, request, "csv")
    codes = [row["unit_code"] for row in rows_of(content)]
    assert codes == sorted(codes, reverse=True) and "_单位_" in name


@pytest.mark.parametrize(
    ("what", "problem"),
    [
        ("no_such_table", "no such table"),
        ("drop table fct_kpi", "no such table"),
        ("select 1; drop table fct_kpi", "more than one statement"),
        ("select * from read_csv('/etc/hostname')", "disabled"),
        ("select no_such_column from fct_kpi", "no_such_column"),
    ],
)
def test_what_cannot_be_given_is_refused(home: Home, edition: Edition, what: str, problem: str) -> None:
    with pytest.raises(WarehouseError, match=re.escape(problem)):
        export(home, edition, Request(what), "csv")


@pytest.mark.parametrize("request_", [Request("dim_kpi", "610629"), Request("dim_kpi", period="2026-06"), Request("dim_unit", "999999")])
def test_a_choice_that_the_table_does_not_allow_is_refused(home: Home, edition: Edition, request_: Request) -> None:
    with pytest.raises(WarehouseError, match=r"--unit|--period"):
        export(home, edition, request_, "csv")


def test_before_the_first_edition_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="warehouse run"):
        current_edition(Home(tmp_path))
