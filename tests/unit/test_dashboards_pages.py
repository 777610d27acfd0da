"""The pages say what the edition says: every number is compared with the edition's own tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest
from markupsafe import Markup

from dashboards.address import Address, parse
from dashboards.edition import Edition, EditionReader
from dashboards.export import table_file
from dashboards.facts import Facts
from dashboards.flag_list import flags_json
from dashboards.format import short_name
from dashboards.pages.community import concerns
from dashboards.server import Shown, Site
from dashboards.summary import tone
from tests.support.edition import SMALL, Cell, Kpi, Unit, build_edition

NANGUAN = "610629001001@2016-01-01"
JIEFANGLU = "610629001002@2016-01-01"
COUNTY, STREET = "610629@2016-01-01", "610629001@2016-01-01"
JUNE = "?period=2026-06"


@pytest.fixture(scope="module")
def edition(site: Site) -> Edition:
    return site.reader.current()


def walk(piece: object) -> Iterator[dict[str, object]]:
    """The properties of every component of a page, outer ones first."""
    if isinstance(piece, list):
        for part in piece:
            yield from walk(part)
    if isinstance(piece, dict) and "props" in piece:
        yield {**piece["props"], "type": piece["type"]}
        yield from walk(piece["props"].get("children"))
    if isinstance(piece, Markup):
        yield written_cell(piece)


def written_cell(written: Markup) -> dict[str, object]:
    """The properties of a cell that is written out already."""
    start, _, rest = written.partition(">")
    named = {name: unescape(value) for name, value in re.findall(r' ([\w-]+)="([^"]*)"', start)}
    return {"className": named.pop("class", None), **named, "type": "Td", "children": unescape(rest.removesuffix("</td>"))}


def text(piece: object) -> str:
    """All text of a page or a part of it."""
    if isinstance(piece, Markup):
        return str(written_cell(piece)["children"])
    if isinstance(piece, list):
        return "".join(text(part) for part in piece)
    if isinstance(piece, dict):
        return text(piece.get("props", {}).get("children"))
    return "" if piece is None else str(piece)


def one(shown: Shown, **wanted: str) -> dict[str, object]:
    """The only component with these properties (class_name stands for className)."""
    wanted = {"className" if name == "class_name" else name: value for name, value in wanted.items()}
    found = [
        props for props in walk(shown.page) if all(props.get(name) == value for name, value in wanted.items())
    ]
    assert len(found) == 1, (wanted, len(found))
    return found[0]


def said(shown: Shown, **wanted: str) -> str:
    return text(one(shown, **wanted)["children"])


def test_the_first_sentence_says_how_many_units_miss_a_target(site: Site) -> None:
    assert said(site.show("/", ""), type="H1") == "2026年6月：12 个社区（村）中，4 个有指标未达标"
    assert said(site.show("/", "?lang=en"), type="H1") == "June 2026: 4 of 12 communities miss a target"


def test_units_are_counted_once_in_their_worst_state(site: Site) -> None:
    assert (
        said(site.show("/", JUNE), class_name="also") == (
            "≈其中 1 个接近▲1?1 个无法判定∅1 个缺数据▲1✓5 个全部达标▼3"  # against May
        )
    )


def test_the_headline_tells_where_and_what_has_changed(site: Site) -> None:
    details = said(site.show("/", JUNE), class_name="details")
    assert "未达标最集中：旧县镇 2/4凤栖街道 1/4" in details
    assert "较2026年5月：新出现 3，恶化 1，恢复 1" in details
    assert "未达标共 7 项（单位 × 目标），接近 1 项" in details
    assert "未达标指标最多：南关社区 2姚苌村 2桐堤村 2" in details
    assert "4 项未达标已连续 3 期以上" in details


DOMAINS = ("population", "safety", "facilities", "organisation", "programmes")
STATE = "case when certainty = 'undetermined' and target_id is not null then certainty else status end"
COMMUNITIES_IN_JUNE = "period_type = 'month' and period = '2026-06-01' and fct_kpi.unit_level = 'community'"


def test_every_cell_of_the_heatmaps_shows_the_state_and_the_value_of_the_edition(
    site: Site, edition: Edition
) -> None:
    cells = [
        props
        for domain in DOMAINS
        for props in walk(site.show("/", f"{JUNE}&domain={domain}").page)
        if props["type"] == "Td" and "data-tip" in props
    ]
    shown = Counter((str(cell["className"]).removeprefix("s-"), str(cell["children"])) for cell in cells)
    facts = edition.frame(
        f"select distinct unit_key, kpi_id, {STATE} as state, value from fct_kpi where {COMMUNITIES_IN_JUNE}"
        " and kpi_id not in ('grid_event_closure_rate', 'staff_pay_floor_yuan')"
    ).rows()
    words = {"no_data": "缺数据", "too_early": "未到期", "no_target": "无目标", "not_applicable": "不适用"}
    for _, _, state, value in facts:
        printed = words.get(state) or next(
            text
            for kind, text in shown
            if kind == state and shown[kind, text] > 0 and abs(Decimal(text) - Decimal(value)) <= Decimal("0.06")
        )
        shown[state, printed] -= 1
    assert len(cells) == len(facts) == 84
    assert not +shown
    assert {state for _, _, state, _ in facts} == {
        "met", "near", "missed", "undetermined", "no_data", "too_early", "no_target", "not_applicable",
    }  # fmt: skip


def test_hovering_shows_numerator_denominator_target_shortfall_and_range(site: Site) -> None:
    page = site.show("/", f"{JUNE}&domain=population").page
    tips = [str(props["data-tip"]) for props in walk(page) if "data-tip" in props]
    assert (
        "南关社区居委会\n暂住人口登记率：90.1%  (182 / 202)\n目标：≥ 95%  D3 §4\n状态：未达标\n差额：再增加 10 即达标"
        "\n随机区间 85.2%–93.5%"
    ) in tips
    assert any("188 / 197" in tip and "可能范围：92.6%–95.6%" in tip for tip in tips)


def test_the_cards_count_every_state_and_compare_with_the_period_before(site: Site, edition: Edition) -> None:
    counted = edition.frame(
        f"select domain, kpi_id, {STATE} as state, count(distinct unit_key) as n from fct_kpi"
        f" inner join dim_kpi using (kpi_id) where {COMMUNITIES_IN_JUNE}"
        " and kpi_id not in ('grid_event_closure_rate', 'staff_pay_floor_yuan') group by all"
    ).rows()
    cards = {
        props["data-kpi"]: {
            part["data-state"]: int(text(part["children"]))
            for part in walk(props["children"])
            if "data-state" in part
        }
        for domain in DOMAINS
        for props in walk(site.show("/", f"{JUNE}&domain={domain}").page)
        if props.get("className") == "card"
    }
    for _, kpi_id, state, number in counted:
        assert cards[kpi_id].pop(state) == number
    assert all(set(rest) <= {"missed"} and not any(rest.values()) for rest in cards.values())
    safety = site.show("/", f"{JUNE}&domain=safety")
    card = one(safety, **{"class_name": "card", "data-kpi": "dispute_mediation_success_rate"})
    assert "未达标1持平" in text(card["children"])
    card = one(safety, **{"class_name": "card", "data-kpi": "criminal_cases"})
    assert "未达标1▲1" in text(card["children"])


def test_the_list_holds_every_missed_and_near_target_with_its_history(site: Site, edition: Edition) -> None:
    assert one(site.show("/", JUNE), id="flags-later")["source"] == "/list/flags.json?period=2026-06"
    rows = json.loads(gzip.decompress(site.flags("period=2026-06")))
    flags = edition.frame(
        "select unit_name, judged_in_a_row, shortfall::double, strftime(since_period, '%Y-%m') from fct_flag"
        " inner join dim_unit using (unit_key) where period_type = 'month' and period = '2026-06-01'"
        " and fct_flag.unit_level = 'community' and status in ('missed', 'near')"
    ).rows()
    listed = [(row["unit"], row["in_a_row"], row["shortfall"], row["since_text"]) for row in rows]
    stems = {unit: unit.replace("居委会", "").replace("村委会", "村") for unit, *_ in flags}
    assert sorted(listed) == sorted((stems[unit], *rest) for unit, *rest in flags)
    assert [row["status"] for row in rows] == ["未达标"] * 7 + ["接近"]
    first = rows[0]
    assert first["unit_href"] == f"/unit/{NANGUAN}?period=2026-06"
    assert (first["value_text"], first["ratio"], first["shortfall_text"]) == ("90.1%", "182 / 202", "还差 10")
    assert (first["movement"], first["certainty"], first["owner"]) == ("↘ 恶化", "已确认", "公安")
    assert (first["domain"], first["trend_word"]) == ("人口", "持续未达标，变差")


def test_the_page_of_a_community_explains_its_doubt(site: Site) -> None:
    shown = site.show(f"/unit/{JIEFANGLU}", JUNE)
    kpi = one(shown, **{"data-kpi": "temporary_resident_registration_rate"})
    told = text(kpi["children"])
    assert "95.4%" in told and "188 / 197" in told
    assert "无法判定（按已采用数据达标）" in told
    assert "存疑数据使结果可能在 92.6% 与 95.6% 之间，目标 ≥ 95% 处在其间，现在不能下结论" in told
    assert said(shown, type="H1") == "2026年6月：7 项指标没有已确认的未达标，但不能认定全部达标"


def test_the_page_of_a_community_shows_target_clause_shortfall_and_since_when(site: Site) -> None:
    told = text(site.show(f"/unit/{NANGUAN}", JUNE).page)
    assert "7 项指标中 2 项未达标：暂住人口登记率、每百户综合服务设施面积" in told
    assert "再增加 10 即达标" in told
    assert "还差 21.5 m²" in told
    assert "自2026-01起连续 6 期未达标，恶化" in told
    assert "D3 §4" in told


def test_the_pages_of_street_and_county_list_the_units_below(site: Site) -> None:
    street, county = site.show(f"/unit/{STREET}", JUNE), site.show(f"/unit/{COUNTY}", JUNE)
    assert "下辖社区（村）" in text(street.page)
    rows = walk(one(street, id="matrix")["children"])
    names = [text(row["children"]) for row in rows if row.get("scope") == "row"]
    assert names == ["南关社区", "解放路社区", "东关社区", "东关村"]
    assert "下辖街道（镇）" in text(county.page)
    assert "县 · 代码 610629" in text(county.page)


def test_the_breadcrumb_leads_from_community_to_county(site: Site) -> None:
    crumbs = next(
        props
        for props in walk(site.show(f"/unit/{NANGUAN}", JUNE).page)
        if props.get("className") == "crumbs"
    )
    assert text(crumbs["children"]) == "总览洛川县凤栖街道南关社区居委会"


def test_the_data_page_says_what_did_not_arrive(site: Site) -> None:
    shown = site.show("/data", JUNE)
    assert said(shown, type="H1") == "2026年6月：11 份应报数据中 1 份未报或被拒收"
    assert "读取 4,120 行，隔离 60 行（1.46%）" in said(shown, class_name="details")
    assert "2026-07-15-001" in text(one(shown, id="edition")["children"])
    february = site.show("/data", "?period=2026-02")
    assert "没有可识别的表头" in text(february.page)


def test_a_period_of_several_months_shows_how_many_deliveries_are_affected(site: Site) -> None:
    assert "迟报 1/3" in text(
        one(site.show("/data", "?period_type=quarter&period=2026-04"), id="slots")["children"]
    )


@pytest.mark.parametrize(
    "path",
    [
        "/", "/data", f"/unit/{NANGUAN}", f"/unit/{STREET}", f"/unit/{COUNTY}", "/help", "/kpi/criminal_cases",
        "/kpi/temporary_resident_registration_rate", "/kpi/smart_pilot_communities",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["month", "quarter", "year", "ytd"])
@pytest.mark.parametrize("domain", ["all", "safety", "facilities", "programmes"])
def test_every_page_in_english_has_chinese_in_names_and_the_sample_mark_only(
    site: Site, path: str, kind: str, domain: str, edition: Edition
) -> None:
    shown = site.show(path, f"?lang=en&period_type={kind}&level=street&domain={domain}")
    names = edition.frame(
        "select unit_name as name from dim_unit union select supplier_name from fct_delivery"
    )
    told = text(shown.page).replace("中文", "").replace("示例数据", "")
    for name in sorted([*names["name"], *map(short_name, names["name"])], key=len, reverse=True):
        told = told.replace(name, "")
    assert re.findall(r"[\u4e00-\u9fff]+", told) == []
    assert shown.head["lang"] == "en"


@pytest.mark.parametrize("path", ["/", "/data", "/help", "/kpi/criminal_cases", f"/unit/{NANGUAN}", "/nowhere", "/unit/unknown@2020-01-01"])
def test_sample_data_is_marked_on_every_page(site: Site, path: str) -> None:
    assert said(site.show(path, ""), class_name="banner sample").startswith("示例数据")
    assert said(site.show(path, "?lang=en"), class_name="banner sample").startswith("示例数据 Sample data")


def test_official_data_carries_no_mark_of_sample_data(tmp_path: Path) -> None:
    build_edition(tmp_path, replace(SMALL, is_sample=False))
    site = Site(tmp_path)
    assert "示例数据" not in text(site.show("/", "").page)
    name, content = table_file(Facts(site.reader.current()), Address(), "flags", "csv")
    assert "示例数据" not in name + content.decode("utf-8-sig")


def test_a_period_that_is_not_closed_is_not_judged(site: Site) -> None:
    shown = site.show("/", "?period_type=year")
    assert said(shown, type="H1") == "2026年：12 个社区（村）本期均不能评价"
    assert "本期尚未截止（截止日 2027年1月10日）" in said(shown, class_name="details")


@pytest.mark.parametrize(
    ("path", "search", "reason"),
    [
        ("/unit/unknown@2020-01-01", "", "本版次没有这个单位"),
        ("/", "?period=1999-01", "本版次没有这个期间"),
        ("/nowhere", "", "没有这个页面"),
        ("/kpi/weather", "", "本版次没有这个指标"),
        ("/kpi/criminal_cases", "?unit=unknown@2020-01-01", "本版次没有这个单位"),
        ("/kpi/criminal_cases/more", "", "没有这个页面"),
        ("/", "?period_type=decade", "没有这个页面"),
        ("/", "?domain=weather", "本版次没有这个领域"),
        ("/", "?pack=D9", "本版次没有这个文件"),
        (f"/unit/{NANGUAN}", "?domain=weather", "本版次没有这个领域"),
        ("/unit/610629102203@2026-06-15", "?period=2026-01", "本版次没有这个单位"),
    ],
)
def test_what_the_edition_does_not_have_is_said_in_words(
    site: Site, path: str, search: str, reason: str
) -> None:
    shown = site.show(path, search)
    assert said(shown, type="H1") == reason
    assert "返回总览" in text(shown.page)


def test_before_the_first_edition_the_page_says_what_to_run(tmp_path: Path) -> None:
    shown = Site(tmp_path).show("/", "")
    assert said(shown, type="H1") == "还没有发布任何版次"
    assert "make run" in text(shown.page)
    assert said(Site(tmp_path).show("/", "?lang=en"), type="H1") == "No edition has been published yet"


def test_a_broken_pointer_shows_the_last_edition_with_a_warning(tmp_path: Path) -> None:
    build_edition(tmp_path)
    site = Site(tmp_path)
    site.show("/", "")
    (tmp_path / "warehouse.duckdb").unlink()
    shown = site.show("/", "")
    assert "当前版次无法打开" in said(shown, class_name="banner stale")
    assert "4 个有指标未达标" in said(shown, type="H1")


def test_a_page_is_drawn_once_for_an_edition(site: Site) -> None:
    assert site.send("/", JUNE) is site.send("/", JUNE)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"met": 9, "missed": 1}, "bad"),
        ({"met": 9, "near": 1}, "bad"),
        ({"met": 9, "undetermined": 1}, "open"),
        ({"met": 9, "no_data": 1}, "open"),
        ({"met": 9, "not_applicable": 1}, "good"),
        ({"too_early": 9}, "none"),
        ({"no_data": 9}, "none"),
    ],
)
def test_no_green_headline_rests_on_missing_or_doubtful_rows(states: dict[str, int], expected: str) -> None:
    assert tone(Counter(states)) == expected


def test_a_county_without_problems_says_so(tmp_path: Path) -> None:
    def good(unit: Unit, kpi: Kpi, month: object) -> Cell:
        return Cell(Decimal(0 if kpi.kpi_id == "criminal_cases" else 1), Decimal(1))

    build_edition(tmp_path, replace(SMALL, cell=good, rural=frozenset(), new=frozenset()))
    site = Site(tmp_path)
    assert said(site.show("/", ""), type="H1") == "2026年6月：12 个社区（村）全部达标"
    assert "本期没有未达标或接近的指标" in text(site.show("/", "").page)
    assert "没有未达标、无法判定或缺数据的单位" in text(site.show("/", "?show=problems").page)


def test_only_units_with_problems_are_left_when_asked_for(site: Site) -> None:
    matrix = one(site.show("/", f"{JUNE}&show=problems"), id="matrix")
    rows = [props for props in walk(matrix["children"]) if props.get("scope") == "row"]
    assert [text(row["children"]) for row in rows] == [
        "南关社区",
        "解放路社区",
        "东关社区",
        "姚苌村",
        "桐堤村",
        "桐树底",
    ]


def test_the_csv_holds_the_list_with_its_mark_and_its_edition(edition: Edition) -> None:
    name, content = table_file(Facts(edition), parse("/", JUNE), "flags", "csv")
    assert name == "洛川县_未达标清单_2026-06_社区（村）_2026-07-15-001_示例数据.csv"
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 8
    assert {row["数据性质"] for row in rows} == {"示例数据"}
    assert {row["版次"] for row in rows} == {"2026-07-15-001"}
    first = rows[0]
    assert (first["单位"], first["完成值"], first["分子"], first["分母"]) == (
        "南关社区居委会",
        "90.1%",
        "182.00",
        "202.00",
    )
    assert (first["差额"], first["自何期"], first["连续期数"], first["依据"]) == (
        "10.00",
        "2026-01",
        "6",
        "D3 §4",
    )
    assert (first["领域"], first["随机波动"], first["走势"], first["稳定性"]) == (
        "人口",
        "85.2%–93.5%",
        "变差",
        "持续未达标",
    )
    rooms = [row for row in rows if row["指标"] == "警务室数"]
    assert [(row["依据"], row["目标依据"]) for row in rooms] == [("B 2.3", "依据已过期"), ("D4 §13", "")]
    assert [row["不得有一件未达"] for row in rows if row["指标"] == "调解成功率"] == ["不得有一件未达"]


def test_a_unit_named_like_a_formula_is_harmless_in_the_csv(tmp_path: Path) -> None:
    hostile = '=cmd|"/c calc"!A0'

    def cell(unit: Unit, kpi: Kpi, month: object) -> Cell:
        return Cell(Decimal(1), Decimal(40))

    build_edition(tmp_path, replace(SMALL, streets={"<b>街道</b>": (hostile,)}, cell=cell))
    _, content = table_file(Facts(EditionReader(tmp_path).current()), Address(), "flags", "csv")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows
    assert {row["单位"] for row in rows} == {f"'{hostile}"}
    listed = json.loads(flags_json(Facts(EditionReader(tmp_path).current()), Address()))
    assert {row["unit"] for row in listed} == {hostile}  # the grid shows text as text


@pytest.mark.parametrize(
    ("covered", "unit", "related"),
    [
        (("610629001",), "610629001001", True),
        (("610629001",), "610629002001", False),
        (("610629001", "610629002"), "610629002001", True),
        (("610629001",), "610629", True),
        (("610629",), "610629001001", True),
    ],
)
def test_a_supplier_concerns_the_units_that_it_covers(covered: tuple[str, ...], unit: str, related: bool) -> None:
    assert concerns(covered, unit) is related
