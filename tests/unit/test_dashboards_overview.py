"""The overview: what is asked first, which units are shown in which order, and as a map."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from test_dashboards_pages import written_cell

from dashboards.address import Address, parse
from dashboards.facts import Facts
from dashboards.server import Site
from dashboards.shapes import ShapesInvalid, read_shapes
from dashboards.standing import pressing, standing
from dashboards.unit_rows import MOST, chosen, rows
from tests.support.edition import build_edition, county_shape
from tests.support.large_edition import EDITION_ID, build

JUNE = "?period=2026-06"
STREET = "610629001@2016-01-01"
MISSED = "status = 'missed' and certainty = 'confirmed'"
IN_JUNE = "period_type = 'month' and period = '2026-06-01' and unit_level = 'community'"


@pytest.fixture
def site(published: Path) -> Site:
    return Site(published)


def walk(piece: Any) -> Iterator[dict[str, Any]]:
    """Every component of a page with its properties, outer ones first."""
    for part in piece if isinstance(piece, list) else [piece]:
        if isinstance(part, dict):
            yield part
            yield from walk(part["props"].get("children"))
        elif isinstance(part, Markup):
            yield {"type": "Td", "props": written_cell(part)}


def find(page: Any, **wanted: str) -> list[dict[str, Any]]:
    return [piece for piece in walk(page) if all(piece["props"].get(name) == value for name, value in wanted.items())]


def text(piece: Any) -> str:
    if isinstance(piece, list):
        return "".join(map(text, piece))
    if isinstance(piece, dict):
        return text(piece["props"].get("children"))
    return "" if piece is None else str(piece)


def row_names(site: Site, search: str) -> list[str]:
    [matrix] = find(site.show("/", search).page, id="matrix")
    return [text(row["props"]["children"][0]) for row in find(matrix, scope="row")]


def test_what_two_documents_ask_alike_stands_once_among_the_first(site: Site) -> None:
    # 桐堤 has no police room, which D4 and B ask for alike
    search = f"{JUNE}&domain=safety"
    asked = [text(row["props"]["children"][:2]) for row in walk(find(site.show("/", search).page, id="urgent")) if row["type"] == "Tr"]
    rooms = [row for row in asked if "警务室" in row]
    assert len(rooms) == 1 and len(asked) == len(set(asked))
    [(documents,)] = site.reader.current().frame(f"select count(*) from fct_flag where {IN_JUNE} and kpi_id = 'police_room_count'").rows()
    assert documents == 2


def square(code: str, east: float, north: float = 35.0) -> dict[str, Any]:
    ring = [[east, north], [east + 0.1, north], [east + 0.1, north + 0.1], [east, north + 0.1], [east, north]]
    return {
        "type": "Feature", "properties": {"unit_code": code}, "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip


def supply(published: Path, content: object) -> Path:
    path = published.parent / "reference" / "units.geojson"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_the_headline_answers_what_where_since_and_how_sure(site: Site) -> None:
    [answers] = find(site.show("/", JUNE).page, className="details")
    assert [text(piece) for piece in walk(answers) if piece["type"] == "Dt"] == ["什么问题", "在哪里", "从何时", "可信吗"]
    told = [text(piece) for piece in walk(answers) if piece["type"] == "Dd"]
    assert "8 项中 8 项已确认" in told[3]
    assert "无法判定" in told[3] and "缺数据" in told[3]


def test_what_is_missed_for_certain_and_getting_worse_comes_first(site: Site, facts: Facts) -> None:
    [table] = find(site.show("/", JUNE).page, className="plain first")
    listed = [row["props"]["className"] for row in walk(table) if str(row["props"].get("className", "")).startswith("movement-")]
    [worsening] = facts.edition.frame(
        f"select count(*) as flags from fct_flag where {IN_JUNE} and {MISSED} and movement = 'worsening'"
    )["flags"]
    assert 0 < worsening < len(listed)
    assert listed[:worsening] == ["movement-worsening"] * worsening
    assert "188 / 202" in text(table) or " / " in text(table)  # numerator and denominator beside the rate


@pytest.mark.parametrize(
    ("sort", "measure"),
    [("shortfall", "gap"), ("persistence", "longest"), ("worsening", "worsening")],
)
def test_units_are_sorted_by_the_address(site: Site, facts: Facts, sort: str, measure: str) -> None:
    address = parse("/", f"{JUNE}&sort={sort}")
    period = facts.period(address)
    found, units = pressing(facts, period, "community"), facts.units(period.end)
    listed = rows(list(standing(facts, period, "community").stands), units, found, address)
    [(street, members)] = listed.groups
    measures = [getattr(found[unit.key], measure) if unit.key in found else 0 for unit in members]
    assert street is None and len(members) == 12
    assert measures == sorted(measures, reverse=True) and measures[0] > 0
    assert next(unit.key for unit in members if unit.key in listed.beside) == members[0].key
    assert len(row_names(site, f"{JUNE}&sort={sort}")) == 12


def test_pressing_counts_what_is_missed_for_certain(facts: Facts) -> None:
    period = facts.period(Address())
    found = pressing(facts, period, "community")
    counted = facts.edition.frame(
        f"select unit_key, count(*) as missed, max(judged_in_a_row) as longest from fct_flag where {IN_JUNE} and {MISSED}"
        " group by unit_key"
    )
    assert {key: (one.missed, one.longest) for key, one in found.items()} == {
        key: (missed, longest) for key, missed, longest in counted.iter_rows()
    }
    assert all(0 < one.gap <= one.missed for one in found.values())


def test_one_state_shows_the_units_that_have_anything_in_it(site: Site, facts: Facts) -> None:
    for state in ("undetermined", "no_data", "missed"):
        expected = chosen(standing(facts, facts.period(Address()), "community"), state)
        assert len(row_names(site, f"{JUNE}&show={state}")) == len(expected) > 0
    page = site.show("/", f"{JUNE}&show=undetermined").page
    rows_of_list = json.loads(gzip.decompress(site.flags("period=2026-06&show=undetermined")))
    assert {row["state"] for row in rows_of_list} <= {"undetermined"}
    assert find(page, id="list")
    assert json.loads(gzip.decompress(site.flags("period=2026-06&show=met"))) == []


def test_one_street_shows_its_own_units_and_figures(site: Site) -> None:
    page = site.show("/", f"{JUNE}&street={STREET}").page
    assert row_names(site, f"{JUNE}&street={STREET}") == ["南关社区", "解放路社区", "东关社区", "东关村"]
    assert "凤栖街道" in text(find(page, id="content"))
    [heading] = [text(piece) for piece in walk(page) if piece["type"] == "H1"]
    assert heading.startswith("2026年6月 · 凤栖街道：4 个社区（村）中")
    flags = json.loads(gzip.decompress(site.flags(f"period=2026-06&street={STREET}")))
    assert {row["street"] for row in flags} == {"凤栖街道"}
    assert "没有这个" in text(site.show("/", "?street=610629001001@2016-01-01").page)
    assert "本版次没有这个单位" in text(site.show("/", "?street=nowhere").page)


def test_leaving_the_overview_leaves_its_choices() -> None:
    address = parse("/", f"?street={STREET}&sort=shortfall&view=map&show=missed")
    assert address.to("overview", sort="code") == f"/?show=missed&street={STREET}&view=map"
    assert address.to("data") == "/data?show=missed"


def test_every_kpi_can_be_seen_at_once(site: Site, facts: Facts) -> None:
    [matrix] = find(site.show("/", f"{JUNE}&view=kpis").page, id="matrix")
    cells = [piece for piece in walk(matrix) if "data-tip" in piece["props"]]
    [judged] = facts.edition.frame(
        "select count(distinct kpi_id) as kpis from fct_kpi where period_type = 'month' and period = '2026-06-01'"
        " and unit_level = 'community' and target_id is not null"
    )["kpis"]
    assert len(cells) >= 12 * (judged - 1)
    assert {"s-missed", "s-met", "s-undetermined"} <= {cell["props"]["className"] for cell in cells}


def test_a_very_large_county_is_folded_by_street_and_bounded(tmp_path: Path) -> None:
    streets = {f"第{place}镇": tuple(f"第{place}镇{number}村委会" for number in range(90)) for place in range(5)}
    build_edition(tmp_path, county_shape(streets))
    site = Site(tmp_path)
    page = site.show("/", JUNE).page
    [table] = find(page, className="block wide folded")
    assert len(find(table, scope="row")) == 5
    facts = Facts(site.reader.current())
    [(missed,)] = facts.edition.frame(
        "select count(distinct unit_key) as units from fct_kpi inner join dim_unit using (unit_key, unit_code, unit_level)"
        f" inner join dim_kpi using (kpi_id) where {IN_JUNE} and {MISSED} and target_id is not null and domain = 'safety'"
        " and parent_unit_key = '610629001@2016-01-01'"
    ).rows()
    assert f"{missed} / 90" in text(table)
    assert len(row_names(site, f"{JUNE}&street={STREET}")) == 90
    assert len(row_names(site, f"{JUNE}&sort=shortfall")) == MOST < 450
    assert "前 420 个" in text(site.show("/", f"{JUNE}&sort=shortfall").page)


def test_without_borders_the_map_is_schematic(site: Site) -> None:
    [units] = find(site.show("/", f"{JUNE}&view=map").page, id="matrix")
    tiles = [piece for piece in walk(units) if str(piece["props"].get("className", "")).startswith("tile s-")]
    assert len(tiles) == 12
    assert all(":" in tile["props"]["aria-label"] or "：" in tile["props"]["aria-label"] for tile in tiles)
    assert "示意图" in text(units)
    [nanguan] = [tile for tile in tiles if "南关社区" in text(tile)]
    assert nanguan["props"]["className"] == "tile s-missed" and text(nanguan) == "✕2南关社区"


def test_with_borders_each_unit_is_a_link_with_colour_icon_and_word(published: Path) -> None:
    supply(published, {"type": "FeatureCollection", "features": [square("610629001001", 109.0), square("610629001002", 109.1)]})
    [units] = find(Site(published).show("/", f"{JUNE}&view=map").page, id="matrix")
    links = [piece for piece in walk(units) if piece["type"] == "a"]
    assert [piece["props"]["href"].split("?")[0] for piece in links] == [
        "/unit/610629001001@2016-01-01", "/unit/610629001002@2016-01-01",
    ]  # fmt: skip
    assert links[0]["props"]["aria-label"] == "南关社区居委会：未达标 2 项"
    assert "没有边界的单位" in text(units)
    assert len([piece for piece in walk(units) if str(piece["props"].get("className", "")).startswith("tile s-")]) == 10


def test_a_file_of_borders_that_cannot_be_used_is_told_and_the_map_stays(published: Path) -> None:
    supply(published, "{not json")
    page = Site(published).show("/", f"{JUNE}&view=map&lang=en").page
    [box] = find(page, className="problem-box")
    assert "The file of the units' borders cannot be used" in text(box) and "reference/units.geojson" in text(box)
    assert find(page, className="tile-map")


OPEN_RING = square("610629001001", 109.0)
OPEN_RING["geometry"]["coordinates"][0].pop()


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ([], "a FeatureCollection with features"),
        ([{"type": "Feature", "properties": {}, "geometry": None}], "unit_code"),
        ([{**square("610629001001", 109.0), "geometry": {"type": "Point", "coordinates": [1, 2]}}], "Polygon or MultiPolygon"),
        ([square("610629001001", 109.0), square("610629001001", 109.2)], "one feature per unit_code"),
        ([OPEN_RING], "closed rings"),
        ([square("610629001001", 500.0)], "longitude and latitude"),
    ],
)
def test_what_is_wrong_with_borders_is_said(published: Path, features: list[Any], expected: str) -> None:
    path = supply(published, {"type": "FeatureCollection", "features": features})
    with pytest.raises(ShapesInvalid) as refused:
        read_shapes(path)
    assert expected in refused.value.expected.en


def test_borders_keep_their_proportions(published: Path) -> None:
    path = supply(published, {"type": "FeatureCollection", "features": [square("610629001001", 109.0, 60.0)]})
    shapes = read_shapes(path)
    assert shapes is not None
    assert shapes.height == pytest.approx(1000)
    assert shapes.width == pytest.approx(500, abs=2)  # a degree of longitude is half as long at 60° north
    assert shapes.by_code["610629001001"].middle == pytest.approx((shapes.width / 2, shapes.height / 2))
    assert read_shapes(path.with_name("none.geojson")) is None


def test_the_large_edition_is_one_that_pages_can_show(tmp_path: Path) -> None:
    build(tmp_path, streets=3, each=4, kpis=10, months=2)
    site = Site(tmp_path / "published")
    assert len(row_names(site, JUNE)) == 12
    [(missed,)] = site.reader.current().frame(f"select count(*) from fct_flag where {IN_JUNE}").rows()
    assert len(json.loads(gzip.decompress(site.flags("")))) == missed > 0
    for path in ("/data", "/checks"):
        assert EDITION_ID in text(site.show(path, JUNE).page)
