"""The page of a KPI: ranking, definition, way down and comparisons are those of the edition."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from test_dashboards_domains import TONGDI, YAOCHANG
from test_dashboards_pages import JIEFANGLU, JUNE, NANGUAN, one, said, text, walk

from dashboards.address import parse
from dashboards.chance import limits
from dashboards.facts import Facts
from dashboards.format import number
from dashboards.ranking import rank
from dashboards.records import Judgement
from dashboards.server import Shown, Site
from tests.support.edition import SMALL, build_edition

RATE = "temporary_resident_registration_rate"


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
