"""What can be taken away and looked up: the state of the data, files of every table, the bulletin, help and documentation."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from docx import Document
from flask.testing import FlaskClient
from test_dashboards_kpi_page import ranked
from test_dashboards_pages import JIEFANGLU, JUNE, NANGUAN, STREET, one, said, text, walk

from dashboards.address import Address, parse_file
from dashboards.deliveries import share
from dashboards.export import TABLES, table_file
from dashboards.facts import Facts
from dashboards.files import Busy, Workshop
from dashboards.history import last_change, past_editions
from dashboards.server import Site, create_app
from pipelines.settings import Home
from tests.support.edition import SMALL, build_edition

RATE = "temporary_resident_registration_rate"


# --- data state


def test_suppliers_and_datasets_add_up_to_all(site: Site, facts: Facts) -> None:
    shown = site.show("/data", JUNE)
    for name in ("suppliers", "datasets"):
        rows = [
            [text(cell) for cell in props["children"]]  # type: ignore[attr-defined]
            for props in walk(one(shown, id=name)["children"])
            if props["type"] == "Tr" and props["children"][0]["props"].get("scope") == "row"  # type: ignore[index]
        ]
        *parts, whole = rows
        assert int(whole[1]) == sum(int(row[1]) for row in parts) == 11
        read = [int(row[7].split(" = ")[0].replace(",", "")) for row in rows]
        assert read[-1] == sum(read[:-1]) == 4120
        for row in rows:
            total, _, sums = row[7].replace(",", "").partition(" = ")
            assert int(total) == sum(int(part) for part in sums.split(" + "))


@pytest.mark.parametrize(
    ("part", "whole", "printed"), [(0, 0, "–"), (9999, 10_000, "99.9%"), (10, 10, "100.0%"), (1, 10_000, "0.1%"), (0, 9, "0.0%")]
)
def test_a_share_is_never_printed_as_all_or_none_unless_it_is(part: int, whole: int, printed: str) -> None:
    assert share(part, whole) == printed


def test_what_changed_since_the_edition_before_is_counted_and_its_causes_add_up(tmp_path: Path) -> None:
    home = Home(tmp_path)
    older = build_edition(home.published, replace(SMALL, edition_id="2026-07-14-001"))
    newer = build_edition(home.published)
    assert [one.edition_id for one in past_editions(home, newer.name)] == [newer.name, older.name]
    assert [one.edition_id for one in past_editions(home, older.name)] == [older.name]
    assert last_change(home, older.name) is None
    unexplained = last_change(home, newer.name)
    assert unexplained is not None and (unexplained.changed, unexplained.is_explained) == (0, False)
    site = Site(home.published)
    assert "新报数据" not in gzip.decompress(site.send("/data", JUNE)).decode()
    shown = site.show("/data", JUNE)
    assert "0 个指标值或判定有变化" in said(shown, id="changes")
    assert f"warehouse editions diff {older.name} {newer.name}" in said(shown, id="changes")

    folder = home.changes / f"{older.name}_{newer.name}"
    folder.mkdir(parents=True)
    _write_account(folder)
    account = last_change(home, newer.name)
    assert account is not None and account.is_explained
    assert sum(account.by_causes.values()) == account.changed == 2
    assert account.by_causes == {("new_data", "corrections"): 1, ("new_data",): 1}
    for change in account.largest:
        for place, side in enumerate(("numerator", "denominator")):
            parts = sum(moved[place] for moved in change["causes"].values())
            assert change[f"newer_{side}"] - change[f"older_{side}"] == parts
    _, content = table_file(Facts(Site(home.published).reader.current()), Address(page="data"), "changes", "parquet")
    parts = pl.read_parquet(io.BytesIO(content))
    assert parts.height == 3 and parts["分子变化"].sum() == 3 and parts["分母变化"].sum() == 3
    assert "新报数据 +3 / +2" in gzip.decompress(site.send("/data", JUNE)).decode()  # the page that was kept is not
    told = said(site.show("/data", JUNE), id="changes")
    assert "180 / 200 → 182 / 202" in told and "新报数据 +3 / +2" in told and "更正 -1 / 0" in told


def _write_account(folder: Path) -> None:
    """南关: 180/200 → 182/202 by new data and a correction; 解放路: 187/196 → 188/197 by new data."""
    key = {"period_type": "month", "period": date(2026, 6, 1), "unit_basis": "as_was", "kpi_id": RATE}
    figures, causes = [], []
    for unit_key, older, newer, parts in (
        (NANGUAN, (180, 200), (182, 202), {"new_data": (3, 2), "corrections": (-1, 0)}),
        (JIEFANGLU, (187, 196), (188, 197), {"new_data": (1, 1)}),
    ):
        figures.append(
            {"unit_key": unit_key, **key, "target_id": "D3-TRR",
             **{f"{side}_{name}": Decimal(value) for side, pair in (("older", older), ("newer", newer)) for name, value in zip(("numerator", "denominator"), pair, strict=True)},
             **{f"{side}_{name}": value for side in ("older", "newer") for name, value in (("status", "missed"), ("certainty", "confirmed"), ("shortfall", Decimal(1)))}}
        )  # fmt: skip
        causes += [
            {"unit_key": unit_key, **key, "cause": cause, "delta_numerator": Decimal(moved[0]), "delta_denominator": Decimal(moved[1]), "changes_judgement": False}
            for cause, moved in parts.items()
        ]  # fmt: skip
    pl.DataFrame(figures).write_parquet(folder / "figures.parquet")
    pl.DataFrame(causes).write_parquet(folder / "causes.parquet")
    manifest = {"older": "2026-07-14-001", "newer": "2026-07-15-001", "causes": {}, "notes": []}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


# --- files


ADDRESSES = {
    "profile": Address(page="unit", unit_key=NANGUAN, period=date(2026, 6, 1)),
    "ranking": Address(page="kpi", kpi_id=RATE, period=date(2026, 6, 1)),
    "targets": Address(page="kpi", kpi_id=RATE, period=date(2026, 6, 1)),
}


@pytest.mark.parametrize("table", [table for table in TABLES if table != "changes"])  # nothing changed before
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_table_can_be_had_in_every_form_with_the_same_rows(facts: Facts, table: str, lang: str) -> None:
    address = replace(ADDRESSES.get(table, Address(period=date(2026, 6, 1))), lang=lang)  # type: ignore[arg-type]
    name, content = table_file(facts, address, table, "parquet")
    frame = pl.read_parquet(io.BytesIO(content))
    assert frame.height
    assert name.startswith("洛川县_") and "_2026-06_" in name and name.endswith("_2026-07-15-001_示例数据.parquet" if lang == "zh" else ".parquet")
    assert set(frame[frame.columns[1]]) == {"2026-07-15-001"}
    for encoding in ("utf-8-sig", "gb18030"):
        _, text_content = table_file(facts, address, table, "csv", encoding)
        plain = text_content.decode(encoding)
        assert plain.count("\r\n") == frame.height + 1
        assert not any(cell.startswith(("=", "@")) for line in plain.splitlines() for cell in line.split('","'))
    _, book = table_file(facts, address, table, "xlsx")
    rows = pl.read_excel(io.BytesIO(book), sheet_name="data")
    assert (rows.height, rows.columns) == (frame.height, frame.columns)


def test_the_file_of_a_ranking_says_what_the_page_says(site: Site, facts: Facts) -> None:
    _, content = table_file(facts, ADDRESSES["ranking"], "ranking", "parquet")
    frame = pl.read_parquet(io.BytesIO(content))
    shown = ranked(site.show(f"/kpi/{RATE}", JUNE))
    placed = frame.filter(pl.col("名次").is_not_null())
    assert [f"{row['分子'].normalize():f} / {row['分母'].normalize():f}" for row in placed.iter_rows(named=True)] == [cells[4] for _, cells in shown]
    assert placed["完成值"].to_list() == [cells[3] for _, cells in shown]


def test_the_file_of_a_heatmap_on_the_page_of_a_unit_holds_the_units_below_it(facts: Facts) -> None:
    street = Address(page="unit", unit_key=STREET, level="community", period=date(2026, 6, 1))
    name, content = table_file(facts, street, "figures", "parquet")
    assert set(pl.read_parquet(io.BytesIO(content))["街道（镇）"]) == {"凤栖街道"} and "_凤栖街道_" in name
    _, content = table_file(facts, replace(street, page="overview", unit_key=""), "figures", "parquet")
    assert pl.read_parquet(io.BytesIO(content))["街道（镇）"].n_unique() == 3


def test_an_address_of_a_file_leads_back_to_what_is_shown() -> None:
    for address in (
        Address(period=date(2026, 6, 1), domain="safety"), Address(page="unit", unit_key=NANGUAN),
        Address(page="kpi", kpi_id=RATE, unit_key=STREET, level="street", lang="en"), Address(page="data"),
    ):  # fmt: skip
        assert parse_file(address.file("/export/flags.csv", encoding="gb18030").partition("?")[2]) == address


def test_files_are_made_once_for_an_edition_and_refused_while_too_many_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    workshop, made = Workshop(), []

    def make() -> tuple[str, bytes]:
        made.append(1)
        return "name", b"content"

    assert workshop.file(("a",), make) == workshop.file(("a",), make) == ("name", b"content")
    assert len(made) == 1
    monkeypatch.setattr("dashboards.files.PATIENCE", 0.01)

    def while_another_is_made() -> tuple[str, bytes]:
        return workshop.file(("second",), while_two_are_made)

    def while_two_are_made() -> tuple[str, bytes]:
        with pytest.raises(Busy):
            workshop.file(("third",), make)
        return make()

    workshop.file(("first",), while_another_is_made)
    assert workshop.file(("third",), make) == ("name", b"content")  # once there is room again


@pytest.mark.parametrize(
    "path", ["/export/weather.csv", "/export/flags.exe", "/export/flags.csv?encoding=utf-7", "/bulletin.exe", "/help/dictionary.exe", "/help/models/../../x"]
)  # fmt: skip
def test_files_that_are_not_offered_are_not_there(viewer: FlaskClient, path: str) -> None:
    assert viewer.get(path).status_code == 404


def test_the_bulletin_is_of_the_unit_and_period_that_are_looked_at(viewer: FlaskClient) -> None:
    answer = viewer.get("/bulletin.docx?page=overview&period=2026-05&ranking=no")
    assert answer.status_code == 200 and "filename*=UTF-8''%E6%B4%9B" in answer.headers["Content-Disposition"]
    told = "".join(part.text for part in Document(io.BytesIO(answer.data)).paragraphs)
    assert "2026年5月" in told and "洛川县" in told
    street = viewer.get(f"/bulletin.docx?page=unit&unit={STREET}&period=2026-06&period_type=ytd")
    told = "".join(part.text for part in Document(io.BytesIO(street.data)).paragraphs)
    assert "凤栖街道" in told
    assert viewer.get("/bulletin.xlsx?page=overview").status_code == 200
    assert viewer.get(f"/bulletin.docx?page=unit&unit={NANGUAN}").status_code == 404  # a community has no parts


# --- help


def test_the_help_explains_every_state_and_leads_to_the_documents(site: Site, shown: Path) -> None:
    shown = site.show("/help", "")
    told = text(shown.page)
    for words in ("未达标", "接近", "无法判定", "缺数据", "达标", "未到期", "无目标", "不适用"):
        assert words in told
    assert {"/help/dictionary.html", "/help/questions", "/help/connect"} <= {props.get("href") for props in walk(shown.page)}
    assert "尚未生成：运行 warehouse docs" in told


def test_documentation_of_the_models_is_served_where_it_was_written(tmp_path: Path) -> None:
    build_edition(tmp_path / "published")
    folder = tmp_path / "published" / "docs" / "dbt"
    viewer = create_app(tmp_path / "published").server.test_client()
    assert viewer.get("/help/models/index.html").status_code == 404
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html>models</html>", "utf-8")
    answer = viewer.get("/help/models/index.html")
    assert answer.status_code == 200 and "connect-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "/help/models/index.html" in [props.get("href") for props in walk(Site(tmp_path / "published").show("/help", "").page)]


def test_the_connections_are_a_page(site: Site) -> None:
    shown = site.show("/help/connect", "")
    markdown = next(str(props["children"]) for props in walk(shown.page) if props["type"] == "Markdown")
    assert "DBeaver" in markdown and "(/help/questions)" in markdown
    assert duckdb.__name__ in markdown
