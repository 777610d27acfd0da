"""The bulletin says what the pages say, as an official paper, and never ranks by what doubt may turn."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from docx import Document
from docx.shared import Mm

from dashboards import tell
from dashboards.bulletin import WRITERS, Letterhead, bulletin_of, converter, letterhead
from dashboards.bulletin.parts import Amount, Bulletin, Chart, Table, printed
from dashboards.bulletin.ranking import place_text, places
from dashboards.bulletin.survey import Survey
from dashboards.edition import EditionReader
from dashboards.facts import Facts
from pipelines.calendar import period_named
from pipelines.county import County, save_county
from pipelines.errors import WarehouseError
from tests.support.edition import SMALL, build_edition
from tests.unit.test_county import MINIMAL


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """The small edition of three streets."""
    return facts_of(tmp_path_factory.mktemp("small"))


def facts_of(published: Path, **changed: object) -> Facts:
    build_edition(published, replace(SMALL, **changed))
    return Facts(EditionReader(published).current())


@pytest.fixture(scope="module")
def county(facts: Facts) -> Bulletin:
    return bulletin_of(facts, "2026-06", "610629")


@pytest.fixture(scope="module")
def street(facts: Facts) -> Bulletin:
    return bulletin_of(facts, "2026-06", "610629001")


def words_of(bulletin: Bulletin) -> str:
    """All that a Word document of the bulletin says outside its tables."""
    return "\n".join(paragraph.text for paragraph in Document(io.BytesIO(WRITERS["docx"](bulletin))).paragraphs)


def sheet(bulletin: Bulletin, name: str) -> Table:
    return next(table for table in bulletin.sheets if table.name == name)


def column(table: Table, head: str) -> list[str]:
    place = table.heads.index(head)
    return [printed(row[place]) for row in table.rows]


def test_it_is_laid_out_as_an_official_paper(county: Bulletin) -> None:
    document = Document(io.BytesIO(WRITERS["docx"](county)))
    texts = [paragraph.text for paragraph in document.paragraphs]
    headings = [paragraph.text for paragraph in document.paragraphs if paragraph.style.name == "Heading 1"]
    assert headings == ["一、基本情况", "二、各单位完成情况", "三、存在问题", "四、下步要求"]
    assert "关于洛川县2026年6月\n社区治理指标完成情况的通报" in texts
    assert "×××〔2026〕×号" in texts
    first = document.sections[0]
    lengths = (first.page_width, first.page_height, first.left_margin, first.right_margin)
    assert [round(length / Mm(1)) for length in lengths] == [210, 297, 28, 26]  # a type area of 156 mm
    fonts = {style.name: style.element.rPr.rFonts.get(f"{{{W}}}eastAsia") for style in document.styles if style.name in
             ("Normal", "Title", "Heading 1", "Heading 2")}  # fmt: skip
    assert fonts == {"Normal": "仿宋", "Title": "方正小标宋简体", "Heading 1": "黑体", "Heading 2": "楷体"}
    assert "PAGE" in first.footer.paragraphs[0]._p.xml and "PAGE" in first.even_page_footer.paragraphs[0]._p.xml


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def test_office_number_and_date_are_as_given(facts: Facts) -> None:
    head = Letterhead(office="洛川县某办公室", number="洛办〔2026〕6号", signed=date(2026, 7, 20))
    text = words_of(bulletin_of(facts, "2026-06", head=head))
    assert "洛川县某办公室文件" in text and "洛办〔2026〕6号" in text and "2026年7月20日印发" in text


def test_a_county_sets_its_office_and_how_papers_are_numbered(facts: Facts, tmp_path: Path) -> None:
    file = tmp_path / "county.yml"
    settings = MINIMAL | {"bulletin": {"office": "洛川县某办公室", "number": "洛办〔{year}〕{month}号"}}
    save_county(County.model_validate(settings), file)
    text = words_of(bulletin_of(facts, "2026-05", head=letterhead(file)))
    assert "洛川县某办公室文件" in text and "洛办〔2026〕5号" in text
    given = letterhead(file, office="另一办公室", number=None, is_ranked=False)
    assert (given.office, given.number, given.is_ranked) == ("另一办公室", "洛办〔{year}〕{month}号", False)
    assert letterhead(tmp_path / "elsewhere.yml") == Letterhead()


def test_a_county_that_keeps_ranks_to_itself_ranks_nobody_unless_told_to(tmp_path: Path) -> None:
    file = tmp_path / "county.yml"
    save_county(County.model_validate(MINIMAL | {"parameters": {"is_ranking_public": False}}), file)
    assert not letterhead(file).is_ranked
    assert not letterhead(file, is_ranked=None).is_ranked
    assert letterhead(file, is_ranked=True).is_ranked


def test_deadlines_lie_after_the_day_of_signing(facts: Facts) -> None:
    text = words_of(bulletin_of(facts, "2026-06", head=Letterhead(signed=date(2026, 9, 10))))
    demands = text.split("四、下步要求")[1].split("附件：")[0]
    said = [date(*map(int, found)) for found in re.findall(r"(\d{4})年(\d+)月(\d+)日", demands)]
    assert said and all(day > date(2026, 9, 10) for day in said)
    assert "2026年10月10日前完成整改" in demands


def test_every_value_is_printed_as_on_the_pages(facts: Facts, street: Bulletin) -> None:
    survey = Survey(facts, "2026-06", "610629001")
    table = sheet(street, "各单位指标")
    told = {(row[1], row[3], row[7]): (printed(row[6]), row[9], row[10]) for row in table.rows}
    for key, answers in survey.of_parts.items():
        for one in (answer.figure for answer in answers.values()):
            place = (one.kpi.name.zh, survey.parts[key].name, tell.target(one.target, one.kpi, "zh"))
            expected = (tell.value(one, "zh"), tell.shortfall_brief(one, "zh") or "–", tell.status(one, "zh"))
            assert told.pop(place) == expected
    assert not told


def test_a_rate_below_its_target_is_not_printed_on_it(street: Bulletin) -> None:
    table = sheet(street, "各单位指标")
    row = next(row for row in table.rows if row[1] == "暂住人口登记率" and row[3] == "东关社区居委会")
    assert (row[4], row[5]) == (Amount(Decimal(119)), Amount(Decimal(113)))  # 113 / 119 = 94.957… %
    assert printed(row[6]) == "94.9%"


def test_a_total_is_recomputed_and_compared_with_the_month_before(street: Bulletin) -> None:
    """南关 188−6 of 202, 解放路 188 of 197, 东关 113 of 119, 东关村 97 of 100: 580 / 618 = 93.85 %.

    A month before: 南关 183 of 202 and 东关社区 97 of 100: 565 / 599 = 94.32 %, so −0.5 (−0.474).
    """
    table = sheet(street, "指标")
    row = dict(zip(table.heads, next(row for row in table.rows if row[0] == "暂住人口登记率"), strict=True))
    assert [printed(row[head]) for head in ("应", "已", "完成值", "环比")] == ["618", "580", "93.9%", "-0.5"]
    assert "同比" not in table.heads  # 2025 is not in the edition


def test_domains_are_compared_with_the_month_before(county: Bulletin) -> None:
    """Of three targets of safety two were met in May and none is in June: 0/3 − 2/3 = −66.7 points. In all 3/7 − 5/7 = −28.6."""
    table = sheet(county, "领域")
    told = {row[0]: [printed(cell) for cell in row[1:5]] for row in table.rows}
    assert told["平安与网格"] == ["3", "0", "0.0%", "-66.7"]
    assert told["设施"] == ["2", "2", "100.0%", "持平"]
    assert told["合计"] == ["7", "3", "42.9%", "-28.6"]


def test_the_text_shows_of_each_domain_what_most_units_miss(street: Bulletin) -> None:
    """At most two of a domain, in the order of the catalogue."""
    table = next(block for block in street.chapters[0].blocks if isinstance(block, Table) and block.name == "主要指标")
    assert [row[0] for row in table.rows[:3]] == ["暂住人口登记率", "民事纠纷调处率", "调解成功率"]
    assert set(column(table, "指标")) <= set(column(sheet(street, "指标"), "指标"))


def test_the_annex_names_everyone_below_a_target_with_clause_and_gap(street: Bulletin) -> None:
    annex = next(chapter for chapter in street.annexes if chapter.title == "未达标和接近目标清单")
    (table,) = annex.blocks
    assert isinstance(table, Table)
    (row,) = (row for row in table.rows if row[0] == "暂住人口登记率")
    assert row[:5] == ("暂住人口登记率", "≥ 95%", "D3 §4", "公安", "1/4")
    assert row[5] == "南关社区（还差10，6期）、东关社区≈（还差1，1期）"
    named = sum(str(row[5]).count("（") for row in table.rows)
    assert named == len(sheet(street, "未达标清单").rows)


def test_values_of_many_units_are_left_to_excel(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.bulletin.chapters.LISTED", 2)
    bulletin = bulletin_of(facts, "2026-06", "610629")
    assert [annex.title for annex in bulletin.annexes] == ["未达标和接近目标清单", "数据情况和说明"]
    text = words_of(bulletin)
    assert "各指标完成值见附表（Excel）" in text and "对照附件1逐项" in text


def test_problems_name_unit_value_shortfall_and_clause(street: Bulletin) -> None:
    text = words_of(street).split("三、存在问题")[1].split("四、下步要求")[0]
    assert re.search(r"暂住人口登记率未达标。目标≥95%，依据《[^》]+》§4。.*南关社区90\.1%（还差10）", text)


def test_what_doubt_may_turn_is_said_apart(street: Bulletin) -> None:
    """解放路: 188 of 197 with 6 rows in doubt may be above or below 95 %."""
    problems = words_of(street).split("三、存在问题")[1].split("四、下步要求")[0]
    told, open_ = problems.split("无法判定的结论")
    assert "解放路" not in told
    assert "暂住人口登记率（" in open_ and "解放路社区" in open_


def test_places_are_ranges_where_doubt_decides() -> None:
    assert places({"a": (90, 90), "b": (80, 95), "c": (70, 70), "d": (70, 70)}) == {
        "a": (1, 2), "b": (1, 2), "c": (3, 3), "d": (3, 3),
    }  # fmt: skip
    assert [place_text(place) for place in ((2, 2), (1, 3), None)] == ["2", "1–3", "–"]


def test_missing_data_cannot_raise_a_place(facts: Facts) -> None:
    """交口河镇 lacks data of one community: what is missing counts as due, and its place has a range."""
    survey = Survey(facts, "2026-06", "610629102")
    score = next(score for key, score in survey.scores.items() if "桐树底" in survey.parts[key].name)
    assert score.states["no_data"] == 1
    assert score.due == sum(score.states[state] for state in ("met", "near", "missed", "undetermined")) + 1


def test_without_ranking_nobody_has_a_place(facts: Facts) -> None:
    bulletin = bulletin_of(facts, "2026-06", "610629", Letterhead(is_ranked=False))
    tables = [*bulletin.sheets, *(block for chapter in bulletin.chapters for block in chapter.blocks if isinstance(block, Table))]
    assert all("位次" not in table.heads for table in tables)
    assert column(sheet(bulletin, "各单位综合"), "单位") == ["凤栖街道", "旧县镇", "交口河镇"]  # by code
    assert "不排位次" in words_of(bulletin)


def test_edition_doubt_and_data_state_are_in_the_last_annex(county: Bulletin) -> None:
    text = words_of(county).split("附件3")[-1]
    assert "2026-07-15-001" in text and "无法判定：" in text
    assert sheet(county, "数据情况").rows


def test_sample_data_are_marked_on_every_page_and_sheet(county: Bulletin, tmp_path: Path) -> None:
    section = Document(io.BytesIO(WRITERS["docx"](county))).sections[0]
    assert "示例数据" in section.header.paragraphs[0].text and "示例数据" in section.even_page_header.paragraphs[0].text
    assert county.stem.endswith("示例数据")
    official = bulletin_of(facts_of(tmp_path, is_sample=False), "2026-06")
    assert "示例数据" not in words_of(official) + official.stem
    assert all("示例数据" in text for text in _sheets(WRITERS["xlsx"](county)).values())
    assert not any("示例数据" in text for text in _sheets(WRITERS["xlsx"](official)).values())


def _sheets(content: bytes) -> dict[str, str]:
    """Sheet → its XML with the texts it shares."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        shared = re.findall(r"<si>(.*?)</si>", package.read("xl/sharedStrings.xml").decode("utf-8"), re.S)
        sheets = {name: package.read(name).decode("utf-8") for name in package.namelist() if "worksheets/sheet" in name}
    return {
        name: text + "".join(shared[int(place)] for place in re.findall(r't="s"><v>(\d+)</v>', text))
        for name, text in sheets.items()
    }


def test_the_workbook_holds_numbers_codes_as_text_and_no_formula(county: Bulletin) -> None:
    content = WRITERS["xlsx"](county)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert not any("<f>" in package.read(name).decode("utf-8") for name in package.namelist() if "worksheets/sheet" in name)
        styles = package.read("xl/styles.xml").decode("utf-8")
    assert '#,##0.0&quot;%&quot;' in styles
    assert any("610629001" in text for text in _sheets(content).values())
    assert all(isinstance(row[2], str) for row in sheet(county, "各单位指标").rows)


def test_charts_are_office_charts_with_their_data(county: Bulletin) -> None:
    with zipfile.ZipFile(io.BytesIO(WRITERS["docx"](county))) as package:
        names = package.namelist()
        chart = package.read("word/charts/chart1.xml").decode("utf-8")
    assert {"word/charts/chart1.xml", "word/charts/chart2.xml", "word/embeddings/chart1.xlsx"} <= set(names)
    assert "凤栖街道" in chart and '<c:showSerName val="0"/>' in chart
    parts = next(block for block in county.chapters[0].blocks if isinstance(block, Chart))
    assert [sum(series.counts[place] for series in parts.series) for place in range(3)] == [
        int(due) for _, due in sorted(zip(column(sheet(county, "各单位综合"), "单位"), column(sheet(county, "各单位综合"), "应达标"), strict=True),
                                      key=lambda pair: parts.categories.index(pair[0]))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06", ("month", date(2026, 6, 1))),
        ("2026-Q2", ("quarter", date(2026, 4, 1))),
        ("2026", ("year", date(2026, 1, 1))),
        ("2026-01~06", ("ytd", date(2026, 6, 1))),
        ("2026-01–06", ("ytd", date(2026, 6, 1))),
    ],
)
def test_a_period_is_named_as_it_is_printed(text: str, expected: tuple[str, date]) -> None:
    assert period_named(text) == expected


@pytest.mark.parametrize("text", ["2026-13", "2026-Q5", "June", "2026-6", ""])
def test_another_text_is_no_period(text: str) -> None:
    with pytest.raises(WarehouseError, match="not the name of a period"):
        period_named(text)


@pytest.mark.parametrize("unit", ["999999", "610629001001"])
def test_a_unit_that_is_unknown_or_has_no_parts_is_refused(facts: Facts, unit: str) -> None:
    with pytest.raises(WarehouseError, match=unit):
        bulletin_of(facts, "2026-06", unit)


@pytest.mark.parametrize("period", ["2026-Q2", "2026-01~06", "2026"])
def test_other_kinds_of_periods_can_be_told_too(facts: Facts, period: str) -> None:
    assert "一、基本情况" in words_of(bulletin_of(facts, period))


@pytest.mark.skipif(not converter() or not shutil.which("pdftoppm"), reason="LibreOffice or poppler is not installed")
def test_its_pages_are_filled_inside_their_margins(county: Bulletin, tmp_path: Path) -> None:
    (tmp_path / "bulletin.pdf").write_bytes(WRITERS["pdf"](county))
    subprocess.run(["pdftoppm", "-gray", "-r", "40", "bulletin.pdf", "page"], cwd=tmp_path, check=True)
    pages = [_ink(path) for path in sorted(tmp_path.glob("page*.pgm"))]
    assert 5 < len(pages) < 10
    for page in pages:
        assert 0.005 < page.mean() < 0.4, "a page is blank or covered"
        height, width = page.shape
        millimetre = (210 if height > width else 297) / width
        left, right = (24, 22) if height > width else (17, 17)
        assert not page[:, : int(left / millimetre)].any() and not page[:, -int(right / millimetre) :].any()
    done = subprocess.run(["pdftotext", "bulletin.pdf", "-"], cwd=tmp_path, check=True, capture_output=True, text=True)
    texts = [re.sub(r"\s", "", text) for text in done.stdout.split("\f")[: len(pages)]]
    assert [number for number, text in enumerate(texts, start=1) if f"—{number}—" not in text or "示例数据" not in text] == []
    assert "社区治理指标完成情况的通报" in texts[0] and "印发" in texts[-1]
    signed = next(text for text in texts if "附件：1." in text)
    assert "（四）按期报送" in signed, "a page is signed that has no text"


def _ink(path: Path) -> np.ndarray:
    """Where a grey page is dark."""
    kind, size, depth, pixels = path.read_bytes().split(b"\n", 3)
    assert (kind, depth) == (b"P5", b"255")
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width) < 128
