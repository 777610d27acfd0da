"""The profile of a unit: what it says is what the edition holds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from test_dashboards_domains import YAOCHANG
from test_dashboards_kpi_page import ranked
from test_dashboards_pages import COUNTY, JUNE, NANGUAN, STREET, said, text, walk

from dashboards.address import parse
from dashboards.facts import Facts, Scope
from dashboards.format import number
from dashboards.pages.unit_kpi import asked_of
from dashboards.peers import peers_of
from dashboards.server import Shown, Site
from dashboards.sparkline import Point, sparkline
from tests.support.edition import SMALL, Cell, Kpi, Unit, build_edition

RATE = "temporary_resident_registration_rate"


def lines(shown: Shown) -> dict[str, list[dict[str, object]]]:
    """KPI → the cells of its line or card on the page of a unit."""
    return {str(props["data-kpi"]): list(walk(props["children"])) for props in walk(shown.page) if "data-kpi" in props}


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
