"""The page of checks, and units that are not what they were: what is shown, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.server import Shown, Site
from tests.support.edition import SMALL, build_edition

NANGUAN = "/unit/610629001001@2016-01-01"
JIEFANGLU = "/unit/610629001002@2016-01-01"
DONGGUAN = "/unit/610629001003@2016-01-01"
COUNTY, STREET, LAST_STREET = (f"/unit/{code}@2016-01-01" for code in ("610629", "610629001", "610629102"))
MARCH, AS_NOW = "?period=2026-03", "?period=2026-03&unit_basis=as_now"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A county in which a part of 南关 went to 解放路 in April, and whose city and province are units."""
    folder = tmp_path_factory.mktemp("moved")
    build_edition(folder, replace(SMALL, is_moved=True, has_units_above=True))
    return Site(folder)


def parts(piece: object) -> Iterator[dict[str, object]]:
    if isinstance(piece, list):
        for part in piece:
            yield from parts(part)
    if isinstance(piece, dict) and "props" in piece:
        yield piece["props"]
        yield from parts(piece["props"].get("children"))


def text(piece: object) -> str:
    if isinstance(piece, list):
        return "".join(text(part) for part in piece)
    if isinstance(piece, dict):
        return text(piece.get("props", {}).get("children"))
    return "" if piece is None else str(piece)


def section(shown: Shown, **wanted: str) -> str:
    """The text of every part with these properties."""
    return " ".join(
        text(props.get("children"))
        for props in parts(shown.page)
        if all(props.get(name) == value for name, value in wanted.items())
    )


# --- the page of checks ----------------------------------------------------------------------------------------


def test_signals_say_what_was_found_and_expected_and_that_they_rank_nobody(site: Site) -> None:
    shown = site.show("/checks", "")
    assert "2 条提示，3 行疑似关联待核对" in text(shown.page)
    assert "不参与任何评价与排名" in text(shown.page)
    told = section(shown, id="signals")
    assert "突变" in told and "10251" in told and "请核对是否重复" in told
    assert "数值扎堆于目标" in told and "16.28" in told
    links = [str(props["href"]) for props in parts(shown.page) if "href" in props]
    assert COUNTY in links  # of the signal about the county


def test_the_page_of_checks_reads_in_english_and_is_marked_as_sample(site: Site) -> None:
    shown = site.show("/checks", "?lang=en")
    told = text(shown.page)
    assert "For the data steward" in told and "Values bunch at the target" in told and "Check for repeats" in told
    assert "示例数据 Sample data" in told
    assert shown.head["title"] == "Data checks · June 2026"


def test_rows_that_wait_are_counted_by_supplier_and_month_and_name_nobody(site: Site) -> None:
    told = section(site.show("/checks", "?period_type=quarter&period=2026-04"), id="links_waiting")
    assert [month for month in ("2026-04", "2026-05", "2026-06") if f"{month}凤栖街道网格办3" in told] == [
        "2026-04", "2026-05", "2026-06",
    ]  # fmt: skip
    assert "县公安局" not in told


def test_estimates_stand_beside_the_rate_and_are_left_out_where_too_few_are_on_both_lists(site: Site) -> None:
    told = section(site.show("/checks", ""), id="estimates")
    assert "洛川县" in told and "360 (344–392)" in told and "20" in told
    assert "交口河镇" in told and told.count("360 (344–392)") == 3  # the county and two of three streets


def test_a_month_without_signals_says_so(site: Site) -> None:
    assert "本期没有提示。" in section(site.show("/checks", "?period=2026-02"), id="signals")


@pytest.mark.parametrize("unit", [COUNTY, STREET])
def test_the_estimate_stands_beside_the_rate_of_county_and_street(site: Site, unit: str) -> None:
    told = section(site.show(unit, ""), className="estimate")
    assert "约 360 人（95% 区间 344–392），其中约 20 人不在任何名单上" in told


@pytest.mark.parametrize("unit", [NANGUAN, LAST_STREET])
def test_there_is_no_estimate_of_a_community_or_of_too_few(site: Site, unit: str) -> None:
    assert section(site.show(unit, ""), className="estimate") == ""


def test_signals_are_on_no_other_page(site: Site) -> None:
    for path in ("/", COUNTY, "/unit/610629102202@2016-01-01", "/data"):
        assert "请核对是否重复" not in json.dumps(site.show(path, "").page, ensure_ascii=False)


# --- units that are not what they were -------------------------------------------------------------------------


def figure(shown: Shown, kpi_id: str) -> str:
    return section(shown, **{"data-kpi": kpi_id})


def test_a_unit_that_moved_has_a_choice_of_its_extent_and_others_have_none(site: Site) -> None:
    assert "按当时区划按现行区划" in text(site.show(NANGUAN, MARCH).page)
    assert "按现行区划" not in section(site.show(DONGGUAN, MARCH), className="choices")


def test_figures_as_it_was_and_as_it_is_now_are_the_editions(site: Site) -> None:
    # 南关 had 185 of 202 in March; a fifth of either went: 185 - 37 = 148 of 202 - 40 = 162
    assert "185 / 202" in figure(site.show(NANGUAN, MARCH), "temporary_resident_registration_rate")
    assert "148 / 162" in figure(site.show(NANGUAN, AS_NOW), "temporary_resident_registration_rate")
    assert "225 / 237" in figure(site.show(JIEFANGLU, AS_NOW), "temporary_resident_registration_rate")


def test_periods_after_the_change_are_the_same_under_both(site: Site) -> None:
    # 182 of 202 in June
    for basis in ("as_was", "as_now"):
        shown = site.show(NANGUAN, f"?period=2026-06&unit_basis={basis}")
        assert "182 / 202" in figure(shown, "temporary_resident_registration_rate")


def test_each_point_is_marked_in_words(site: Site) -> None:
    was, now = (figure(site.show(NANGUAN, basis), "temporary_resident_registration_rate") for basis in (MARCH, AS_NOW))
    assert "∥ 不可比（当时范围不同或有数据无法归位）：2026-01 … 2026-03" in was
    assert "↻ 已归入现行区划：2026-01 … 2026-03" in now and "不可比" not in now
    english = figure(site.show(NANGUAN, AS_NOW + "&lang=en"), "temporary_resident_registration_rate")
    assert "re-based to today's units" in english


def test_what_cannot_be_placed_is_a_break_also_as_it_is_now(site: Site) -> None:
    assert "∥ 不可比" in figure(site.show(NANGUAN, AS_NOW), "police_room_count")


def test_points_of_units_that_never_moved_have_no_marks(site: Site) -> None:
    told = text(site.show(DONGGUAN, MARCH).page)
    assert "不可比" not in told and "已归入" not in told


@pytest.mark.parametrize("unit", [NANGUAN, JIEFANGLU])
def test_the_change_and_the_rows_that_nothing_places_are_lines_of_their_own(site: Site, unit: str) -> None:
    told = section(site.show(unit, ""), id="extent")
    assert "2026-04-01 部分划转：南关社区居委会 → 解放路社区居委会 · 洛民发〔2026〕3号" in told
    assert "无法归入现行区划：2026-01 … 2026-03 矛盾纠纷 9 行（南关社区居委会，计入上下界）" in told
    assert section(site.show(DONGGUAN, ""), id="extent") == ""


def test_flags_and_trends_of_the_former_extent_are_not_shown_beside_figures_of_todays(site: Site) -> None:
    assert "自2026-01起" in text(site.show(NANGUAN, MARCH).page)
    assert "自2026-01起" not in text(site.show(NANGUAN, AS_NOW).page)


def test_an_extent_that_is_none_is_no_page(site: Site) -> None:
    assert "没有这个页面" in text(site.show(NANGUAN, "?unit_basis=as_ever").page)


# --- the way up --------------------------------------------------------------------------------------------------


def test_the_way_up_goes_to_the_province_where_it_is_a_unit(site: Site) -> None:
    assert section(site.show(NANGUAN, ""), className="crumbs") == "总览陕西省延安市洛川县凤栖街道南关社区居委会"
    assert section(site.show(COUNTY, ""), className="crumbs") == "总览陕西省延安市洛川县"


def test_the_way_up_ends_at_the_county_where_nothing_is_above_it(tmp_path: Path) -> None:
    build_edition(tmp_path)
    assert section(Site(tmp_path).show(STREET, ""), className="crumbs") == "总览洛川县凤栖街道"
