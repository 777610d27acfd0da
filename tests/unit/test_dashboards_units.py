"""The profile of a unit, the page of a KPI, data state, files and help: what they say is what the edition holds."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pytest
from docx import Document
from flask.testing import FlaskClient
from test_dashboards_domains import TONGDI, YAOCHANG
from test_dashboards_pages import COUNTY, JIEFANGLU, JUNE, NANGUAN, STREET, one, said, text, walk

from dashboards.address import Address, parse, parse_file
from dashboards.chance import limits
from dashboards.deliveries import share
from dashboards.export import TABLES, table_file
from dashboards.facts import Facts, Scope
from dashboards.files import Busy, Workshop
from dashboards.format import number
from dashboards.history import last_change, past_editions
from dashboards.pages.unit_kpi import asked_of
from dashboards.peers import peers_of
from dashboards.ranking import rank
from dashboards.records import Judgement
from dashboards.server import Shown, Site, create_app
from dashboards.sparkline import Point, sparkline
from pipelines.settings import Home
from tests.support.edition import SMALL, Cell, Kpi, Unit, build_edition

RATE = "temporary_resident_registration_rate"


@pytest.fixture(scope="module")
def site(shown: Path) -> Site:
    return Site(shown)


@pytest.fixture
def facts(site: Site) -> Facts:
    return Facts(site.reader.current())


@pytest.fixture(scope="module")
def client(shown: Path) -> FlaskClient:
    made: FlaskClient = create_app(shown).server.test_client()
    return made


def lines(shown: Shown) -> dict[str, list[dict[str, object]]]:
    """KPI → the cells of its line or card on the page of a unit."""
    return {str(props["data-kpi"]): list(walk(props["children"])) for props in walk(shown.page) if "data-kpi" in props}


# --- profile of a unit


def test_the_profile_names_every_kpi_of_the_unit_with_its_value_target_and_clause(site: Site, facts: Facts) -> None:
    for unit_key in (NANGUAN, YAOCHANG, STREET, COUNTY):
        told = {kpi: " ".join(text(cell.get("children")) for cell in cells) for kpi, cells in lines(site.show(f"/unit/{unit_key}", JUNE)).items()}
        rows = facts.edition.frame(
            "select distinct kpi_id, numerator, denominator, status, clause, kind from fct_kpi"
            " left join (select target_id, clause from dim_target) using (target_id)"
            " inner join (select kpi_id, kind from dim_kpi) using (kpi_id)"
            " where unit_key = ? and period_type = 'month' and period = '2026-06-01'",
            (unit_key,),
        ).rows()  # fmt: skip
        assert set(told) == {row[0] for row in rows}
        for kpi_id, numerator, denominator, _status, clause, kind in rows:
            if kind != "count" and denominator:
                assert f"{number(numerator)} / {number(denominator)}" in told[kpi_id]
            assert clause is None or clause in told[kpi_id]


def test_a_kpi_in_doubt_without_a_denominator_does_not_break_a_page_of_lines(tmp_path: Path) -> None:
    def cell(unit: Unit, kpi: Kpi, month: object) -> Cell:
        if kpi.kpi_id == "dispute_handling_rate":
            return Cell(Decimal(0), Decimal(0), doubt=2)
        return Cell(Decimal(9 if kpi.kpi_id == "criminal_cases" else 0), Decimal(40))

    build_edition(tmp_path / "published", replace(SMALL, cell=cell))
    shown = Site(tmp_path / "published").show(f"/unit/{YAOCHANG}", JUNE)
    assert "姚苌村" in text(shown.page) and said(shown, type="H1") != "页面出错了"
    assert "dispute_handling_rate" in lines(shown)


def test_each_kpi_of_a_unit_leads_to_its_page_there(site: Site) -> None:
    cells = lines(site.show(f"/unit/{NANGUAN}", JUNE))[RATE]
    assert f"/kpi/{RATE}?period=2026-06&unit=610629001001@2016-01-01" in [cell.get("href") for cell in cells]


def test_the_course_of_a_kpi_is_a_picture_with_its_numbers_in_words(site: Site) -> None:
    cells = lines(site.show(f"/unit/{NANGUAN}", JUNE))["dispute_handling_rate"]
    (picture,) = [cell for cell in cells if cell["type"] == "Img"]
    assert str(picture["alt"]).startswith("各期：2026-01 100.0%，2026-02 100.0%")
    assert str(picture["alt"]).endswith("2026-06 100.0%，目标 = 100%")
    assert str(picture["src"]).startswith("data:image/svg+xml,")


def test_a_sparkline_breaks_where_a_value_is_missing_and_marks_a_miss_by_a_cross() -> None:
    points = [Point(1.0, "met", 2.0), Point(2.0, "met", 2.0), Point(None, "no_data", 2.0), Point(3.0, "missed", 2.0)]
    picture = sparkline(points, "told")["props"]["src"]
    assert picture.count("circle") == 2
    assert picture.count("polyline") == 2  # the target, and the first two values; one value alone is no line
    assert picture.count("path") == 1


def test_peers_are_counted_in_the_class_and_the_quartiles_are_figures_of_units(facts: Facts) -> None:
    """南关 with 182/202 is the last of the urban and town communities; the others of its class have 97/100 or more."""
    period = facts.period(parse("/", JUNE))
    unit = facts.unit(NANGUAN, period.end)
    peers = peers_of(facts, unit, period)
    values = facts.edition.frame(
        "select value from fct_kpi inner join dim_unit using (unit_key) where kpi_id = ? and period_type = 'month'"
        " and period = '2026-06-01' and fct_kpi.unit_level = 'community' and value is not null and class = ?",
        (RATE, unit.community_class),
    )["value"].to_list()  # fmt: skip
    own = 182 / 202 * 100
    found = peers[RATE]
    assert found.total == len(values) and found.place == found.total == 1 + sum(value > own + 1e-9 for value in values)
    assert (found.worse, found.equal) == (0, 0)
    median = found.median
    assert median.numerator is not None and median.denominator is not None
    below = sum(Fraction(value) <= Fraction(median.numerator) / Fraction(median.denominator) * 100 + Fraction(1, 10**6) for value in values)
    assert below * 2 >= len(values)
    cases = peers["criminal_cases"]
    assert (cases.better, cases.worse) == (0, 1)  # fewer is better: 姚苌 has two


def test_counts_are_not_ranked_among_peers(site: Site) -> None:
    profile = lines(site.show(f"/unit/{NANGUAN}", JUNE))
    assert any(cell.get("className") == "place" for cell in profile[RATE])
    assert not any(cell.get("className") == "place" for cell in profile["criminal_cases"])
    assert any("中位 0 件" in text(cell.get("children")) for cell in profile["criminal_cases"])


def test_figures_as_they_are_now_have_no_peers(tmp_path: Path) -> None:
    build_edition(tmp_path, replace(SMALL, is_moved=True))
    facts = Facts(Site(tmp_path).reader.current())
    period = facts.period(parse("/", "?period=2026-03"))
    unit = facts.unit(NANGUAN, period.end)
    assert any(one.peers for one in asked_of(facts, unit, period, Scope()))
    assert not any(one.peers for one in asked_of(facts, unit, period, Scope(), "as_now"))


def test_the_way_down_ends_at_the_grid(site: Site) -> None:
    # 182 of 202 in 南关: twelve and eight, all registered, and 162 of 182
    assert "下辖网格" in said(site.show(f"/unit/{NANGUAN}", JUNE), id="matrix")
    rows = dict(ranked(site.show(f"/kpi/{RATE}", f"{JUNE}&unit={NANGUAN}")))
    grid = NANGUAN.replace("@", "-003@")
    assert list(rows) == [grid]
    assert rows[grid][3:5] == ["89.0%", "162 / 182"]
    profile = site.show(f"/unit/{grid}", JUNE)
    assert "162 / 182" in text(profile.page)
    assert "下辖网格" not in text(profile.page)
    # of a grid the page of the KPI shows those beside it
    assert list(dict(ranked(site.show(f"/kpi/{RATE}", f"{JUNE}&unit={grid}")))) == [grid]


def test_of_few_people_in_a_grid_the_verdict_alone_is_shown(site: Site) -> None:
    for grid in ("-001@", "-002@"):
        profile = text(site.show(f"/unit/{NANGUAN.replace('@', grid)}", f"{JUNE}&domain=population").page)
        assert "–（不足 10 人，不显示）" in profile
        assert "人数不足 10，只给结论" in profile
        assert "达标" in profile
    english = text(site.show(f"/unit/{NANGUAN.replace('@', '-002@')}", f"{JUNE}&lang=en&domain=population").page)
    assert "– (under 10 people, not shown)" in english


def test_an_indicator_whose_data_name_no_grid_says_so_and_compares_communities(site: Site) -> None:
    shown = site.show("/kpi/criminal_cases", f"{JUNE}&unit={NANGUAN}")
    assert "本指标没有网格数值" in said(shown, id="grids")
    assert NANGUAN in dict(ranked(shown))
    assert "没有网格数值" not in text(site.show(f"/kpi/{RATE}", f"{JUNE}&unit={NANGUAN}").page)


# --- page of a KPI


def ranked(shown: Shown) -> list[tuple[str, list[str]]]:
    """Unit key and the texts of the cells, in the order of the page."""
    return [
        (str(props["data-unit"]), [text(cell) for cell in props["children"]])  # type: ignore[attr-defined]
        for props in walk(one(shown, id="ranking")["children"])
        if "data-unit" in props
    ]


def test_the_ranking_holds_every_unit_of_the_edition_once_with_its_exact_counts(site: Site, facts: Facts) -> None:
    for kpi_id in (RATE, "dispute_handling_rate", "facility_area_per_100_households"):
        shown = site.show(f"/kpi/{kpi_id}", JUNE)
        rows = dict(ranked(shown))
        left = [props for props in walk(shown.page) if "data-left-out" in props]
        left_out = Counter({props["data-left-out"]: sum(part["type"] == "A" for part in walk(props["children"])) for props in left})
        known = facts.edition.frame(
            "select unit_key, numerator, denominator, any_value(status) as status, value from fct_kpi where kpi_id = ?"
            " and period_type = 'month' and period = '2026-06-01' and unit_level = 'community' group by all",
            (kpi_id,),
        ).rows()
        placed = {row[0]: row for row in known if row[3] not in ("no_data", "too_early", "not_applicable") and row[4] is not None}
        assert set(rows) == set(placed)
        assert left_out == Counter(row[3] for row in known if row[0] not in placed)
        for key, (_, numerator, denominator, _status, value) in placed.items():
            assert rows[key][4] == f"{number(numerator)} / {number(denominator)}"
            better = sum(other[4] > value for other in placed.values())
            assert rows[key][0].split(" ")[0].split("（")[0] == str(better + 1)


def test_ties_share_a_place_and_doubt_leaves_a_range(site: Site) -> None:
    cells = dict(ranked(site.show(f"/kpi/{RATE}", JUNE)))
    assert cells[JIEFANGLU][0].endswith("）") and "无法判定" in cells[JIEFANGLU][2]
    usual = [cells[key][0] for key in cells if cells[key][4] == "97 / 100"]
    assert len(usual) > 2 and len(set(usual)) == 1 and usual[0].startswith("1 =")


def judgement(facts: Facts, key: str, value: float, low: float | None, high: float | None) -> Judgement:
    period = facts.period(parse("/", JUNE))
    known = facts.judgements_by(facts.kpi(RATE), period, "community")[0]
    return replace(known, unit_key=key, unit_code=key, value=value, value_low=low, value_high=high, status="met", certainty="confirmed")


def test_places_by_hand(facts: Facts) -> None:
    """a and b tie on top; c may rise to 95 and fall to 70: between second to none of both, and last."""
    units = [
        judgement(facts, "a", 90, 90, 90), judgement(facts, "b", 90, 90, 90), judgement(facts, "c", 80, 70, 95),
        judgement(facts, "d", 75, 75, 75),
    ]  # fmt: skip
    found = {one.one.unit_key: (one.place, one.sharing, one.best, one.worst) for one in rank(units, "higher").placed}
    assert found == {"a": (1, 2, 1, 2), "b": (1, 2, 1, 2), "c": (3, 1, 1, 4), "d": (4, 1, 3, 4)}
    found = {one.one.unit_key: one.place for one in rank(units, "lower").placed}
    assert found == {"d": 1, "c": 2, "a": 3, "b": 3}
    open_end = rank([judgement(facts, "a", 5, 5, None), judgement(facts, "b", 9, 9, 9)], "lower")
    assert [(one.place, one.best, one.worst) for one in open_end.placed] == [(1, 1, 2), (2, 1, 2)]


def test_units_that_cannot_be_placed_stand_apart_by_reason(site: Site) -> None:
    shown = site.show("/kpi/facility_area_per_100_households", JUNE)
    apart = {str(props["data-left-out"]): text(props["children"]) for props in walk(shown.page) if "data-left-out" in props}
    assert "桐树底" in apart["no_data"] and "甘罗村" in apart["too_early"]
    handled = site.show("/kpi/dispute_handling_rate", JUNE)
    assert "东关村" in text(one(handled, **{"data-left-out": "not_applicable"})["children"])


def test_counts_are_put_in_order_without_places(site: Site) -> None:
    shown = site.show("/kpi/criminal_cases", JUNE)
    heads = [text(props["children"]) for props in walk(one(shown, id="ranking")["children"]) if props.get("scope") == "col"]
    assert heads[0] == "单位" and "名次" not in heads
    assert ranked(shown)[-1][0] == YAOCHANG  # fewer is better
    assert "漏斗图" not in text(shown.page)


def test_the_definition_names_formula_sources_and_the_clause_of_every_document(site: Site) -> None:
    told = text(one(site.show("/kpi/police_room_count", JUNE), id="definition")["children"])
    assert "警务室" in told and "police_rooms" in told
    assert "D4 §13" in told and "B 2.3" in told and "依据已过期" in told
    assert "层级 社区（村）" in told
    area = text(one(site.show("/kpi/facility_area_per_100_households", JUNE), id="definition")["children"])
    assert "社区类别 城镇" in area


def test_the_way_down_keeps_the_kpi_and_its_period(site: Site) -> None:
    county = site.show(f"/kpi/{RATE}", f"{JUNE}&level=street")
    assert {key for key, _ in ranked(county)} == {
        props["unit_key"] for props in Facts(site.reader.current()).edition.frame("select unit_key from dim_unit where unit_level = 'street'").iter_rows(named=True)
    }  # fmt: skip
    href = f"/kpi/{RATE}?level=street&period=2026-06&unit=610629001@2016-01-01"
    assert href in [props.get("href") for props in walk(one(county, id="ranking")["children"])]
    path, _, search = href.partition("?")
    street = site.show(path, f"?{search}")
    assert len(ranked(street)) == 4 and "凤栖街道" in said(street, class_name="also")
    # a community that nobody divided into grids
    community = site.show(f"/kpi/{RATE}", f"{JUNE}&unit={NANGUAN.replace('001001', '001002')}")
    assert [cells for key, cells in ranked(community)] == [cells for _, cells in ranked(street)]
    crumbs = next(props for props in walk(community.page) if props.get("className") == "crumbs")
    assert text(crumbs["children"]) == "总览洛川县凤栖街道解放路社区居委会"
    steps = [str(props["href"]) for props in walk(crumbs["children"]) if "href" in props]
    assert all(step.startswith(f"/kpi/{RATE}?") for step in steps[1:])


def test_a_kpi_of_the_county_alone_says_that_there_are_no_parts(site: Site) -> None:
    shown = site.show("/kpi/smart_pilot_communities", JUNE)
    assert "没有下级单位的数字" in text(shown.page)
    assert not any(props.get("id") == "ranking" for props in walk(shown.page))


def test_units_are_compared_as_they_were_and_as_they_are_now(tmp_path: Path) -> None:
    build_edition(tmp_path, replace(SMALL, is_moved=True))
    site = Site(tmp_path)
    was = dict(ranked(site.show(f"/kpi/{RATE}", "?period=2026-03")))
    now = dict(ranked(site.show(f"/kpi/{RATE}", "?period=2026-03&unit_basis=as_now")))
    assert (was[NANGUAN][4], now[NANGUAN][4]) == ("185 / 202", "148 / 162")
    assert was[TONGDI] == now[TONGDI]
    assert "已归入现行区划" in " ".join(now[NANGUAN])


def test_where_no_unit_changed_both_ways_are_said_to_be_the_same(site: Site) -> None:
    assert "按当时区划与按现行区划相同" in said(site.show(f"/kpi/{RATE}", JUNE), id="bases-equal")


def test_a_unit_lies_beyond_the_limits_where_its_interval_leaves_out_the_target(facts: Facts) -> None:
    period = facts.period(parse("/", JUNE))
    seen = Counter[bool]()
    for kpi_id in (RATE, "dispute_mediation_success_rate"):
        for one_unit in facts.judgements_by(facts.kpi(kpi_id), period, "community"):
            if one_unit.chance_low is None or one_unit.chance_high is None or not one_unit.denominator:
                continue
            size = float(one_unit.denominator)
            low, high = limits(95.0, size, size * 2).select("low_95", "high_95").row(0)
            is_outside = not low <= float(one_unit.value or 0) <= high
            assert is_outside == (not one_unit.chance_low <= 95.0 <= one_unit.chance_high)
            seen[is_outside] += 1
    assert seen[True] and seen[False]


def test_limits_narrow_with_the_number_of_cases_and_stay_within_all_and_none() -> None:
    frame = limits(95.0, 1, 10_000)
    assert frame["high_95"].max() == 100.0 and min(frame["low_998"]) >= 0.0
    assert all(after >= before for before, after in pairwise(frame["low_95"].to_list()))
    assert frame["low_95"][-1] == pytest.approx(95 - 1.959964 * (0.95 * 0.05 / 10_000) ** 0.5 * 100)


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
def test_files_that_are_not_offered_are_not_there(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_bulletin_is_of_the_unit_and_period_that_are_looked_at(client: FlaskClient) -> None:
    answer = client.get("/bulletin.docx?page=overview&period=2026-05&ranking=no")
    assert answer.status_code == 200 and "filename*=UTF-8''%E6%B4%9B" in answer.headers["Content-Disposition"]
    told = "".join(part.text for part in Document(io.BytesIO(answer.data)).paragraphs)
    assert "2026年5月" in told and "洛川县" in told
    street = client.get(f"/bulletin.docx?page=unit&unit={STREET}&period=2026-06&period_type=ytd")
    told = "".join(part.text for part in Document(io.BytesIO(street.data)).paragraphs)
    assert "凤栖街道" in told
    assert client.get("/bulletin.xlsx?page=overview").status_code == 200
    assert client.get(f"/bulletin.docx?page=unit&unit={NANGUAN}").status_code == 404  # a community has no parts


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
    client = create_app(tmp_path / "published").server.test_client()
    assert client.get("/help/models/index.html").status_code == 404
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html>models</html>", "utf-8")
    answer = client.get("/help/models/index.html")
    assert answer.status_code == 200 and "connect-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "/help/models/index.html" in [props.get("href") for props in walk(Site(tmp_path / "published").show("/help", "").page)]


def test_the_connections_are_a_page(site: Site) -> None:
    shown = site.show("/help/connect", "")
    markdown = next(str(props["children"]) for props in walk(shown.page) if props["type"] == "Markdown")
    assert "DBeaver" in markdown and "(/help/questions)" in markdown
    assert duckdb.__name__ in markdown
