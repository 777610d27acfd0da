"""The way down from county to community, profiles and pages of KPIs in a real browser; numbers are read back from them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from test_dashboards import ask

from tests.support.browser import Served, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]

RATE = "temporary_resident_registration_rate"
COUNTY = "610629@2016-01-01"
STATE = "case when certainty = 'undetermined' and target_id is not null then certainty else status end"
LINES = """
() => [...document.querySelectorAll('[data-kpi]')].map(one => ({
    kpi: one.dataset.kpi, state: (one.querySelector('.chip').className.match(/s-(\\w+)/) || [])[1],
    value: one.querySelector('td.c-value b, .big').textContent,
    ratio: (one.querySelector('.ratio') || {textContent: ''}).textContent,
}))
"""
RANKING = """
() => [...document.querySelectorAll('#ranking [data-unit]')].map(row => ({
    unit: row.dataset.unit, cells: [...row.children].map(cell => cell.textContent),
}))
"""


def first(served: Served, question: str) -> str:
    return str(ask(served, question)[0][0])


def exact(ratio: str) -> Fraction:
    numerator, denominator = (Fraction(part.replace(",", "")) for part in ratio.split(" / "))
    return numerator * 100 / denominator


def test_every_number_of_a_profile_is_the_editions(county: Served, visit: Visit) -> None:
    worst = first(
        county,
        "select unit_key from fct_flag where period_type = 'month' and period = '2026-06-01' and unit_level = 'community'"
        " group by all order by count(*) desc, unit_key limit 1",
    )
    watched = visit(county)
    for unit_key in (worst, first(county, "select min(unit_key) from dim_unit where unit_level = 'street'"), COUNTY):
        page = watched.open(f"/unit/{unit_key}?period=2026-06")
        shown = {row["kpi"]: row for row in page.evaluate(LINES)}
        known = ask(
            county,
            f"select kpi_id, numerator, denominator, {STATE} as state, kind from fct_kpi inner join dim_kpi using (kpi_id)"
            f" where unit_key = '{unit_key}' and period_type = 'month' and period = '2026-06-01'",
        )
        assert set(shown) == {row[0] for row in known}
        for kpi_id, numerator, denominator, _, kind in known:
            if kind == "rate" and denominator:
                ratio = shown[kpi_id]["ratio"]
                assert exact(ratio) == Fraction(str(numerator)) * 100 / Fraction(str(denominator))
                assert abs(Fraction(shown[kpi_id]["value"].rstrip("%")) - exact(ratio)) < Fraction(1, 10)
        for kpi_id, row in shown.items():
            assert row["state"] in {state for other, _, _, state, _ in known if other == kpi_id}
    watched.picture("profile-county-1440-zh", whole=True)


@pytest.mark.parametrize("kpi_id", [RATE, "dispute_mediation_success_rate", "facility_area_per_100_households"])
def test_every_number_of_a_ranking_is_the_editions(county: Served, visit: Visit, kpi_id: str) -> None:
    watched = visit(county)
    page = watched.open(f"/kpi/{kpi_id}?period=2026-06")
    rows = page.evaluate(RANKING)
    known = {
        row[0]: row[1:]
        for row in ask(
            county,
            f"select unit_key, numerator, denominator, value, {STATE} as state from fct_kpi where kpi_id = '{kpi_id}'"
            " and period_type = 'month' and period = '2026-06-01' and unit_level = 'community' and value is not null"
            " and status not in ('no_data', 'too_early', 'not_applicable')",
        )
    }
    assert {row["unit"] for row in rows} == set(known)
    values = [float(str(one[2])) for one in known.values()]
    for row in rows:
        numerator, denominator, value, _ = known[row["unit"]]
        place, _, _, printed, ratio, *_ = row["cells"]
        assert [Decimal(part.replace(",", "")) for part in ratio.split(" / ")] == [numerator, denominator]
        assert abs(Decimal(printed.split("%")[0].split(" ")[0].replace(",", "")) - Decimal(str(value))) < Decimal("0.1")
        assert place.split("（")[0].split(" ")[0] == str(1 + sum(other > float(str(value)) for other in values))
    left = ask(
        county,
        f"select status, count(distinct unit_key) from fct_kpi where kpi_id = '{kpi_id}' and period_type = 'month'"
        " and period = '2026-06-01' and unit_level = 'community'"
        " and (value is null or status in ('no_data', 'too_early', 'not_applicable')) group by all",
    )
    for state, count in left:
        assert page.locator(f'[data-left-out="{state}"] .names a').count() == count
    watched.picture(f"kpi-{kpi_id}-1440-zh", whole=True)


def test_no_printed_value_crosses_its_target(county: Served, visit: Visit) -> None:
    page = visit(county).open(f"/kpi/{RATE}?period=2026-06")
    for row in page.evaluate(RANKING):
        printed, value = Fraction(row["cells"][3].rstrip("%")), exact(row["cells"][4])
        assert (printed >= 95) == (value >= 95) and (printed == 100) == (value == 100)


def test_the_way_down_is_one_click_each_keeps_the_kpi_and_back_works(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open(f"/kpi/{RATE}?period=2026-06&level=street")
    county_address = page.url
    page.locator("#ranking tbody a").first.click()
    page.wait_for_url("**unit=610629*")
    page.wait_for_function("() => document.querySelectorAll('#ranking [data-unit]').length === 34")
    street_address = page.url
    page.locator("#ranking tbody a").last.click()
    page.wait_for_function("() => document.querySelectorAll('.crumbs li').length === 4")
    assert page.evaluate("window.scrollY") == 0
    assert page.url != street_address and f"/kpi/{RATE}" in page.url
    watched.picture("kpi-community-1440-zh", whole=True)
    community_address = page.url
    page.locator("#ranking tbody a").last.click()
    page.wait_for_function("() => document.querySelectorAll('.crumbs li').length === 5")
    assert page.locator(".ranking tr.here").count() == 1
    assert f"/kpi/{RATE}" in page.url
    watched.picture("kpi-grid-1440-zh", whole=True)
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('.crumbs li').length === 4")
    assert page.url == community_address
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('.crumbs li').length === 3")
    assert page.url == street_address
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('#ranking [data-unit]').length === 6")
    assert page.url == county_address
    page.goto(street_address)  # as from a bookmark
    page.wait_for_function("() => document.querySelectorAll('#ranking [data-unit]').length === 34")


def test_kpis_lead_to_their_pages_from_profile_heatmap_and_list(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/?domain=population")
    page.locator(".matrix thead a[href^='/kpi/']").first.click()
    page.wait_for_url(f"**/kpi/{RATE}**")
    page = watched.open("/")
    page.wait_for_selector("#flags .ag-row")
    page.locator("#flags .ag-row[row-index='0'] a[href^='/kpi/']").click()
    page.wait_for_url("**/kpi/**")
    page.wait_for_selector("#definition")
    page.locator("#here h2 a").click()
    page.wait_for_selector(".unit-name")
    page.locator("[data-kpi] a").first.click()
    page.wait_for_selector("#definition")


def test_tables_and_bulletins_are_taken_away_from_the_pages(county: Served, visit: Visit, tmp_path: Path) -> None:
    watched = visit(county)
    page = watched.open(f"/kpi/{RATE}?period=2026-06")
    rows = page.locator("#ranking [data-unit]").count() + page.locator("[data-left-out] .names a").count()
    page.locator("#ranking .take summary").click()
    with page.expect_download() as download:
        page.locator("#ranking .take a", has_text="Parquet").click()
    download.value.save_as(tmp_path / "ranking.parquet")
    assert pl.read_parquet(tmp_path / "ranking.parquet").height == rows
    assert download.value.suggested_filename.startswith("洛川县_排名_2026-06_暂住人口登记率_")
    page = watched.open("/?period=2026-06")
    page.locator(".choices .take summary").click()
    with page.expect_download() as download:
        page.locator(".choices .take a", has_text="Word").first.click()
    download.value.save_as(tmp_path / "bulletin.docx")
    assert zipfile.ZipFile(tmp_path / "bulletin.docx").testzip() is None
    assert "通报_2026-06" in download.value.suggested_filename


def test_a_menu_opens_and_closes_by_keyboard(county: Served, visit: Visit) -> None:
    page = visit(county).open(f"/kpi/{RATE}")
    page.locator("#ranking .take summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#ranking .take a").first.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')").startswith("/export/ranking.xlsx")
    page.keyboard.press("Escape")
    assert not page.locator("#ranking .take a").first.is_visible()


@pytest.mark.parametrize("width", [390, 768, 1440, 2560])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_fit_phones_desks_and_walls(county: Served, visit: Visit, width: int, lang: str) -> None:
    watched = visit(county, width, 900)
    street = first(county, "select min(unit_key) from dim_unit where unit_level = 'street'")
    community = first(county, "select min(unit_key) from dim_unit where unit_level = 'community'")
    for name, path in (
        ("community", f"/unit/{community}?"), ("street", f"/unit/{street}?"), ("kpi", f"/kpi/{RATE}?"),
        ("kpi-street", f"/kpi/dispute_handling_rate?unit={street}&"), ("data-state", "/data?"), ("help", "/help?"),
        ("questions", "/help/questions?"), ("connect", "/help/connect?"),
    ):  # fmt: skip
        page = watched.open(f"{path}lang={lang}&period=2026-06")
        watched.picture(f"{name}-{width}-{lang}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_every_picture_and_every_control_has_a_name(county: Served, visit: Visit) -> None:
    watched = visit(county)
    community = first(county, "select min(unit_key) from dim_unit where unit_level = 'community'")
    for path in (f"/unit/{community}", f"/kpi/{RATE}", "/data", "/help"):
        page = watched.open(path)
        page.wait_for_load_state("networkidle")
        assert page.locator("img:not([alt]), img[alt='']").count() == 0
        assert page.evaluate("[...document.querySelectorAll('a[href], summary')].filter(one => !one.textContent.trim() && !one.ariaLabel).length") == 0
        assert page.locator("h1").count() == 1
        assert page.evaluate("[...document.querySelectorAll('table')].filter(one => !one.querySelector('th[scope]')).length") == 0


def test_help_leads_to_the_questions_answered_over_this_edition(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/help")
    page.locator("#documents a", has_text="二十个问题").click()
    page.wait_for_selector(".document table")
    assert page.locator(".document h2").count() == 20
    watched.picture("questions-1440-zh")
    page.go_back()
    page.wait_for_selector("#help_states")


# The ratio by which a text stands out from what is behind it; hatching is left out, as it is pale.
CONTRAST = """
() => {
    const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (let one = element; one; one = one.parentElement) {
            const colour = parts(getComputedStyle(one).backgroundColor);
            if (colour.length < 4 || colour[3] > 0.99) return colour;
        }
        return [255, 255, 255];
    };
    const poor = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.textContent.trim() || !element.getClientRects().length || element.closest('[aria-hidden], svg, script, style')) continue;
        const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push([texts.currentNode.textContent.trim().slice(0, 30), element.className, ratio.toFixed(2)]);
    }
    return poor;
}
"""


def test_every_text_stands_out_from_its_ground(county: Served, visit: Visit) -> None:
    watched = visit(county)
    community = first(county, "select min(unit_key) from dim_unit where unit_level = 'community'")
    for path in (f"/unit/{community}", f"/unit/{COUNTY}", f"/kpi/{RATE}", "/data", "/checks", "/help", "/help/questions"):
        page = watched.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate(CONTRAST) == [], path


def test_on_paper_the_whole_ranking_stands_and_no_control(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open(f"/kpi/{RATE}")
    page.emulate_media(media="print")
    box = page.locator("#ranking .scroll").bounding_box()
    table = page.locator("#ranking table").bounding_box()
    assert box is not None and table is not None and box["height"] >= table["height"]
    assert not page.locator(".take").first.is_visible() and not page.locator(".choices").first.is_visible()
    page.emulate_media(media="screen")


SHOWN_ROWS = "() => [...document.querySelectorAll('.domain tbody tr')].map((row) => row.checkVisibility())"


def test_on_a_phone_a_profile_is_folded_where_nothing_needs_attention(county: Served, chromium: Browser) -> None:
    unit_key = first(
        county,
        f"select unit_key from (select unit_key, domain, bool_or({STATE} in ('missed', 'near', 'undetermined')) as is_open from fct_kpi"
        " inner join dim_kpi using (kpi_id) where period_type = 'month' and period = '2026-06-01' and unit_level = 'community'"
        " and target_id is not null group by all) group by unit_key having bool_or(is_open) and not bool_and(is_open) order by unit_key limit 1",
    )
    for width, is_phone in ((390, True), (1440, False)):
        context = chromium.new_context(viewport={"width": width, "height": 844}, has_touch=is_phone, is_mobile=is_phone)
        page = context.new_page()
        page.goto(f"{county.base}/unit/{unit_key}?period=2026-06")
        page.wait_for_selector("main h1:not(#first *)")
        folded = page.locator(".domain > details:not([open])")
        assert (folded.count() > 0) == is_phone
        if is_phone:
            summary = folded.first.locator("summary")
            assert summary.locator(".chip").count() > 0
            before = sum(page.evaluate(SHOWN_ROWS))
            summary.click()
            assert sum(page.evaluate(SHOWN_ROWS)) > before
        else:
            assert all(page.evaluate(SHOWN_ROWS))
        context.close()
