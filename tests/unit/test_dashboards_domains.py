"""Eighty KPIs in a few domains: the overview of all, of one, what nobody is judged by, and whose targets are looked at."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from test_dashboards_pages import COUNTY, JUNE, NANGUAN, STREET, one, said, text, walk, written_cell

from dashboards.address import Address, parse
from dashboards.facts import Facts
from dashboards.pages.unit_kpi import ATTENTION, asked_of, states_in_cards
from dashboards.records import STATES, worst
from dashboards.scope import Scope
from dashboards.server import Shown, Site
from dashboards.standing import movements, standing
from dashboards.summary import shown_kpis
from tests.support.edition import SMALL, Cell, Kpi, Unit, build_edition

YAOCHANG = "610629101200@2016-01-01"
TONGDI = "610629101201@2016-01-01"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("published")
    build_edition(folder)
    return Site(folder)


def cells(shown: Shown) -> list[dict[str, object]]:
    return [props for props in walk(shown.page) if props["type"] == "Td" and "data-tip" in props]


def row_of(shown: Shown, name: str) -> list[tuple[str, str]]:
    """The cells of one unit of the heatmap: state and text."""
    matrix = one(shown, id="matrix")["children"]
    for props in walk(matrix):
        if props["type"] == "Tr" and text(props["children"][0]) == name:  # type: ignore[index]
            parts = [written_cell(part) for part in props["children"][1:]]  # type: ignore[index]
            return [(str(part["className"]).removeprefix("s-"), str(part["children"])) for part in parts]
    raise AssertionError(name)


def test_the_start_page_has_one_card_per_domain_with_the_worst_states_of_the_units(site: Site, facts: Facts) -> None:
    shown = site.show("/", JUNE)
    cards = {props["data-domain"]: props for props in walk(shown.page) if props.get("className") == "card"}
    assert list(cards) == ["population", "safety", "facilities", "organisation", "programmes"]
    counted = {
        domain: {p["data-state"]: int(text(p["children"])) for p in walk(card["children"]) if "data-state" in p}
        for domain, card in cards.items()
    }
    period = facts.period(Address())
    for domain in ("population", "safety", "facilities"):
        judgements = facts.judgements(period, "community", Scope(domain))
        by_unit: dict[str, list[str]] = {}
        for judgement in judgements:
            state = "no_target" if judgement.target is None else judgement.state
            by_unit.setdefault(judgement.unit_key, []).append(state)
        assert +Counter(counted[domain]) == Counter(worst(states) for states in by_unit.values())
    assert "未达标2▲1" in text(cards["safety"]["children"])
    assert "5 项指标，4 项已评价" in text(cards["safety"]["children"])
    assert "未达标最多：每百户综合服务设施面积 1" in text(cards["facilities"]["children"])
    assert "全县✕未达标 1" in text(cards["programmes"]["children"])


def test_a_cell_of_the_start_page_is_the_worst_state_and_how_many_kpis_are_in_it(site: Site) -> None:
    shown = site.show("/", JUNE)
    assert row_of(shown, "姚苌村") == [("met", "1"), ("missed", "2"), ("met", "2"), ("no_target", "1")]
    assert row_of(shown, "南关社区") == [("missed", "1"), ("met", "4"), ("missed", "1"), ("no_target", "1")]
    assert row_of(shown, "桐树底") == [("met", "1"), ("met", "4"), ("no_data", "1"), ("no_target", "1")]
    tips = {str(cell["data-tip"]) for cell in cells(shown) if cell["data-domain"] == "safety"}
    assert "姚苌村委会\n平安与网格：未达标 2\n刑事案件、调解成功率" in tips


def test_heads_lead_into_the_domain_and_rows_to_the_unit(site: Site) -> None:
    shown = site.show("/", f"{JUNE}&lang=en")
    links = {str(props.get("href")) for props in walk(one(shown, id="matrix")["children"]) if props["type"] == "A"}
    assert "/?lang=en&domain=safety&period=2026-06" in links
    assert f"/unit/{NANGUAN}?lang=en&period=2026-06" in links
    inside = site.show("/", f"{JUNE}&domain=safety")
    links = {str(props.get("href")) for props in walk(one(inside, id="matrix")["children"]) if props["type"] == "A"}
    assert f"/unit/{NANGUAN}?domain=safety&period=2026-06" in links


def test_the_headline_of_a_domain_speaks_of_its_kpis_alone(site: Site) -> None:
    shown = site.show("/", f"{JUNE}&domain=safety")
    assert said(shown, type="H1") == "2026年6月 · 平安与网格：12 个社区（村）中，2 个有指标未达标"
    assert shown.head["title"] == "洛川县 · 2026年6月 · 平安与网格"
    details = said(shown, class_name="details")
    assert "未达标共 5 项（单位 × 目标），接近 0 项" in details
    assert "较2026年5月：新出现 2，恶化 0，恢复 1" in details


def test_packs_that_ask_the_same_share_a_column_and_a_card(site: Site) -> None:
    shown = site.show("/", f"{JUNE}&domain=safety")
    card = one(shown, **{"class_name": "card", "data-kpi": "police_room_count"})
    assert card["data-packs"] == "B/D4"
    assert "目标 ≥ 1 间B 2.3、D4 §13" in text(card["children"])
    assert row_of(shown, "桐堤村") == [("missed", "91.7"), ("met", "100.0"), ("met", "0"), ("missed", "0")]


def test_kpis_that_nobody_is_judged_by_stand_in_one_line_below(site: Site) -> None:
    safety = site.show("/", f"{JUNE}&domain=safety")
    assert said(safety, class_name="unjudged") == "未列入上图的指标：未设目标：网格事件结案率"
    assert "网格事件结案率" not in text([cell["children"] for cell in cells(safety)])
    organisation = site.show("/", f"{JUNE}&domain=organisation")
    assert said(organisation, class_name="unjudged") == "未列入上图的指标：未设目标：最低月报酬"
    assert cells(organisation) == []


def test_a_kpi_whose_data_came_from_nobody_is_told_as_such_and_keeps_the_headline_open(tmp_path: Path) -> None:
    def cell(unit: Unit, kpi: Kpi, month: object) -> Cell:
        if kpi.kpi_id == "police_room_count":
            return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0)
        if kpi.kpi_id == "dispute_handling_rate":
            return Cell(Decimal(0), Decimal(0))
        return Cell(Decimal(0 if kpi.kpi_id == "criminal_cases" else 1), Decimal(1))

    build_edition(tmp_path, replace(SMALL, cell=cell, rural=frozenset(), new=frozenset()))
    shown = Site(tmp_path).show("/", f"{JUNE}&domain=safety")
    assert said(shown, class_name="unjudged") == (
        "未列入上图的指标：缺数据：警务室数；未设目标：网格事件结案率；不适用：民事纠纷调处率"
    )
    assert said(shown, type="H1").endswith("12 个社区（村）没有已确认的未达标，但不能认定全部达标")


def test_kpis_of_higher_levels_have_their_figure_in_a_card_and_no_column(site: Site) -> None:
    shown = site.show("/", f"{JUNE}&domain=programmes")
    card = one(shown, **{"class_name": "card", "data-kpi": "smart_pilot_communities"})
    assert text(card["children"]) == "智慧社区试点数目标 = 1 个B 2.2.3全县0 个✕未达标"
    assert cells(shown) == []
    assert said(shown, type="H1") == "2026年6月 · 创建与考核：这里没有社区（村）一级的数据，见上级数据"


def test_one_document_alone_can_be_looked_at(site: Site, facts: Facts) -> None:
    shown = site.show("/", f"{JUNE}&pack=B")
    assert said(shown, type="H1") == "2026年6月：12 个社区（村）中，1 个有指标未达标"
    rows = json.loads(gzip.decompress(site.flags("period=2026-06&pack=B")))
    assert [(row["unit"], row["kpi"], row["clause"]) for row in rows] == [("桐堤村", "警务室数", "B 2.3")]
    assert facts.packs == ["B", "C", "D3", "D4"]
    judgements = facts.judgements(facts.period(Address()), "community", Scope(pack="C"))
    assert {judgement.kpi.kpi_id for judgement in judgements} == {"facility_area_per_100_households"}
    assert {judgement.target.target_id if judgement.target else None for judgement in judgements} == {"C-FAH", None}


@pytest.mark.parametrize("level", ["community", "street"])
@pytest.mark.parametrize("kind", ["month", "quarter", "ytd", "year"])
@pytest.mark.parametrize("scope", [Scope(), Scope("safety"), Scope(pack="D3"), Scope("facilities", "B")])
def test_the_counts_are_those_of_the_judgements_one_by_one(facts: Facts, level: str, kind: str, scope: Scope) -> None:
    period = facts.period(parse("/", f"?period_type={kind}"))
    stand = standing(facts, period, level, scope)
    expected: dict[tuple[str, str], dict[str, str]] = {}
    for judgement in facts.judgements(period, level, scope):
        state = "no_target" if judgement.target is None else judgement.state
        kpis = expected.setdefault((judgement.unit_key, judgement.kpi.domain), {})
        kpis[judgement.kpi.kpi_id] = worst([state, kpis.get(judgement.kpi.kpi_id, STATES[-1])])
    found = {
        (unit, domain): (stand_of.state, stand_of.kpi_ids)
        for unit, row in stand.stands.items()
        for domain, stand_of in row.items()
    }
    folded = {place: worst(kpis.values()) for place, kpis in expected.items()}
    assert found == {
        place: (folded[place], tuple(sorted(kpi for kpi in kpis if kpis[kpi] == folded[place])))
        for place, kpis in expected.items()
    }
    every = Counter((kpi, state) for kpis in expected.values() for kpi, state in kpis.items())
    assert every == Counter({(kpi, s): n for kpi, counts in stand.kpis.items() for s, n in counts.items()})


def test_the_movements_are_those_of_the_flags(facts: Facts) -> None:
    period = facts.period(Address())
    flags = facts.flags(period, "community")
    counted = movements(facts, period, "community")
    assert (counted.missed, counted.near) == (7, 1) == (
        sum(flag.judgement.status == "missed" for flag in flags),
        sum(flag.judgement.status == "near" for flag in flags),
    )
    assert (counted.new, counted.worsening, counted.recovered, counted.lasting) == (3, 1, 1, 4)
    assert movements(facts, period, "community", Scope("organisation")).missed == 0


def test_the_figures_of_a_heatmap_are_the_judgements_without_their_units(facts: Facts) -> None:
    period = facts.period(Address())
    kpi_ids = ["dispute_handling_rate", "criminal_cases"]
    figures = facts.figures(period, "community", Scope("safety"), kpi_ids)
    spread = sorted((key, one.kpi.kpi_id, one.state, one.value) for one, keys in figures for key in keys)
    judgements = [j for j in facts.judgements(period, "community") if j.kpi.kpi_id in kpi_ids]
    assert spread == sorted((j.unit_key, j.kpi.kpi_id, j.state, j.value) for j in judgements)
    assert len(figures) < len(judgements)
    below = facts.figures(period, "community", Scope(), kpi_ids, above=facts.unit(STREET, period.end))
    assert {key for _, keys in below for key in keys} == {
        key for key, unit in facts.units(period.end).items() if unit.parent_key == STREET
    }


def test_in_a_period_still_open_the_kpis_with_targets_stay_in_the_heatmap(facts: Facts) -> None:
    period = facts.period(parse("/", "?period_type=year"))
    stand = standing(facts, period, "community", Scope("safety"))
    kpis = [kpi for kpi in facts.kpis.values() if kpi.domain == "safety"]
    shown, others = shown_kpis(stand, kpis, is_closed=period.is_closed)
    assert [kpi.kpi_id for kpi in others["no_target"]] == ["grid_event_closure_rate"]
    assert len(shown) == 4 and list(others) == ["no_target"]


def test_the_page_of_a_unit_groups_its_kpis_by_domain_judged_ones_first(site: Site) -> None:
    shown = site.show(f"/unit/{YAOCHANG}", JUNE)
    sections = [props for props in walk(shown.page) if props.get("className") == "domain"]
    assert [section["data-domain"] for section in sections] == ["population", "safety", "facilities", "organisation"]
    order = [props["data-kpi"] for props in walk(sections[1]["children"]) if "data-kpi" in props]
    assert order == [
        "dispute_mediation_success_rate", "criminal_cases", "dispute_handling_rate", "police_room_count",
        "grid_event_closure_rate",
    ]  # fmt: skip
    assert "未达标 2 / 已评价 4" in text(sections[1]["children"])


def test_in_a_domain_all_judged_kpis_of_a_unit_are_cards(site: Site) -> None:
    shown = site.show(f"/unit/{YAOCHANG}", f"{JUNE}&domain=safety")
    cards = [props for props in walk(shown.page) if str(props.get("className", "")).startswith("kpi-card k-")]
    assert [card["data-kpi"] for card in cards] == [
        "dispute_mediation_success_rate", "criminal_cases", "dispute_handling_rate", "police_room_count",
    ]  # fmt: skip
    assert said(shown, type="H1") == "2026年6月 · 平安与网格：4 项指标中 2 项未达标：调解成功率、刑事案件"


def kpi(site: Site, unit_key: str, kpi_id: str) -> str:
    """All that the page of a unit says of one KPI."""
    domain = Facts(site.reader.current()).kpis[kpi_id].domain
    shown = site.show(f"/unit/{unit_key}", f"{JUNE}&domain={domain}")
    return text(one(shown, **{"data-kpi": kpi_id})["children"])


def test_chance_is_told_apart_from_doubt(site: Site) -> None:
    told = kpi(site, YAOCHANG, "dispute_mediation_success_rate")
    assert "可信度已确认：没有存疑数据" in told
    assert "随机波动随机区间 0.0%–32.4%；不得有一件未达共 8 件，有一件未达即低于 ≥ 95%" in told
    assert "不得有一件未达目标即全部" in kpi(site, YAOCHANG, "dispute_handling_rate")
    large = kpi(site, NANGUAN, "temporary_resident_registration_rate")
    assert "随机区间 85.2%–93.5%件数不多时" in large and "不得有一件未达" not in large
    assert "随机" not in kpi(site, YAOCHANG, "criminal_cases")


def test_too_much_is_said_as_such(site: Site) -> None:
    assert "差额超出上限 2 件" in kpi(site, YAOCHANG, "criminal_cases")
    rows = json.loads(gzip.decompress(site.flags("period=2026-06&domain=safety")))
    short = {row["kpi"]: row["shortfall_text"] for row in rows}
    assert short == {"刑事案件": "超出 2 件", "调解成功率": "还差 8", "警务室数": "还差 1 间", "民事纠纷调处率": "还差 1"}
    english = json.loads(gzip.decompress(site.flags("period=2026-06&domain=safety&lang=en")))
    assert {row["kpi"]: row["shortfall_text"] for row in english}["Police rooms"] == "1 room more"


def test_the_end_of_a_range_that_binds_and_an_expired_basis_are_named(site: Site) -> None:
    told = kpi(site, NANGUAN, "elderly_care_area_per_100_households")
    assert "目标20–30 m²/百户（下限须达到，上限供参考）依据已过期" in told
    assert "45.0 m²/百户✓达标" in told
    rooms = kpi(site, TONGDI, "police_room_count")
    assert "目标≥ 1 间差额" in rooms  # one of two documents is still in force
    assert "B 2.3  警务室数达到规定标准依据已过期D4 §13" in rooms
    marks = [
        str(props["title"])
        for props in walk(site.show(f"/unit/{TONGDI}", f"{JUNE}&domain=safety").page)
        if props.get("className") == "expired"
    ]
    assert marks == ["规划期已于 2020年12月31日 结束，目标在新文件出台前继续适用"]


def test_trend_and_reliability_are_told_in_words(site: Site) -> None:
    told = kpi(site, NANGUAN, "temporary_resident_registration_rate")
    assert "走势持续未达标，变差（2026-01 至 2026-06 评价 6 期，达标 0 期）" in told
    assert "走势时好时坏，无明显走势（2026-01 至 2026-06 评价 6 期，达标 5 期）" in kpi(site, YAOCHANG, "criminal_cases")
    quarter = site.show(f"/unit/{NANGUAN}", "?period_type=quarter&domain=population")
    assert "走势" not in [text(props["children"]) for props in walk(quarter.page) if props["type"] == "Dt"]


def test_money_and_counts_print_with_their_units(site: Site) -> None:
    assert "3,280.50 元" in kpi(site, NANGUAN, "staff_pay_floor_yuan")
    assert "2 件✕未达标目标= 0 件" in kpi(site, YAOCHANG, "criminal_cases")
    shown = site.show(f"/unit/{NANGUAN}", f"{JUNE}&lang=en&domain=safety")
    assert "1 room" in text(one(shown, **{"data-kpi": "police_room_count"})["children"])


def test_where_much_needs_attention_the_page_of_a_unit_is_lines(tmp_path: Path) -> None:
    def cell(unit: Unit, kpi: Kpi, month: object) -> Cell:
        return Cell(Decimal(9 if kpi.kpi_id == "criminal_cases" else 0), Decimal(40))

    build_edition(tmp_path, replace(SMALL, cell=cell))
    facts = Facts(Site(tmp_path).reader.current())
    period = facts.period(Address())
    asked = asked_of(facts, facts.unit(YAOCHANG, period.end), period, Scope())
    assert sum(one.state == "missed" for one in asked) == 7
    assert states_in_cards(asked, Address()) == ATTENTION
    assert states_in_cards(asked * 2, Address()) == ()
    assert states_in_cards(asked * 2, Address(domain="safety")) == (*ATTENTION, "met")


def test_the_pages_of_street_and_county_show_domains_and_inside_one_its_kpis(site: Site) -> None:
    county = site.show(f"/unit/{COUNTY}", JUNE)
    assert row_of(county, "旧县镇") == [("met", "1"), ("missed", "3"), ("met", "2"), ("no_target", "1")]
    assert "智慧社区试点数0 个✕未达标" in text(county.page)
    histories = [text(props["children"]) for props in walk(one(county, id="matrix")["children"]) if props["type"] == "H3"]
    assert histories == ["人口", "平安与网格", "设施", "组织与人员"]
    street = site.show(f"/unit/{STREET}", f"{JUNE}&domain=safety")
    assert row_of(street, "东关村") == [("not_applicable", "不适用"), ("met", "100.0"), ("met", "0"), ("met", "1")]
    histories = [text(props["children"]) for props in walk(one(street, id="matrix")["children"]) if props["type"] == "H3"]
    assert histories == ["① 民事纠纷调处率", "② 调解成功率", "③ 刑事案件", "④ 警务室数"]


def test_gaps_and_missing_communities_are_shown_with_the_deliveries(site: Site) -> None:
    february, march = site.show("/data", "?period=2026-02"), site.show("/data", "?period=2026-03")
    assert "1 份中间缺月" in said(february, class_name="details")
    assert "✕拒收中间缺月" in text(one(february, id="slots")["children"])
    assert "3 份未覆盖全部社区" in said(march, class_name="details")
    assert "✓按时覆盖 3/4" in text(one(march, id="slots")["children"])
    june = text(site.show("/data", JUNE).page)
    assert "按时覆盖" not in june and "中间缺月" not in june
    assert "✓按时覆盖 3/4 个社区" in text(site.show(f"/unit/{NANGUAN}", "?period=2026-03").page)
