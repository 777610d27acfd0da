"""The served pages in a real browser: what a reader sees, follows and takes away."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.support.browser import Served, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Dialog

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]

STATE_OF_CELL = "case when certainty = 'undetermined' and target_id is not null then certainty else status end"
# Of two documents that ask the same, the heatmap has one column; without target anywhere a KPI has none.
SAFETY = (
    f"select distinct unit_key, kpi_id, position as place, {STATE_OF_CELL} as state, value from fct_kpi"
    " inner join dim_kpi using (kpi_id) where domain = 'safety' and kpi_id <> 'grid_event_closure_rate'"
    " and period_type = 'month' and period = '2026-06-01' and unit_level = 'community'"
)
CELLS = """
() => [...document.querySelectorAll('.matrix tbody tr')].map(row => ({
    unit: row.querySelector('th a').getAttribute('href').split('?')[0],
    cells: [...row.querySelectorAll('td')].map(cell => [cell.className.slice(2), cell.textContent]),
}))
"""


def ask(served: Served, question: str) -> list[tuple[object, ...]]:
    """Rows of the served edition, asked apart from the server."""
    path = (served.published / "warehouse.duckdb").resolve()
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(question).fetchall()


def test_the_heatmap_of_a_domain_shows_every_community_as_the_edition_has_it(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/?domain=safety")
    page.wait_for_selector(".matrix td")
    watched.picture("safety-1440-zh", whole=True)
    rows = page.evaluate(CELLS)
    facts: dict[object, list[tuple[object, ...]]] = {}
    for unit_key, state, value in ask(county, f"select unit_key, state, value from ({SAFETY}) order by unit_key, place"):
        facts.setdefault(f"/unit/{unit_key}", []).append((state, value))
    assert len(rows) == len(facts) == 204
    for row in rows:
        for (state, text), (known, value) in zip(row["cells"], facts[row["unit"]], strict=True):
            assert state == known
            if state in ("met", "near", "missed") or (state == "undetermined" and value is not None):
                assert abs(Decimal(text) - Decimal(str(value))) <= Decimal("0.1")


def test_the_headline_and_the_cards_count_what_the_edition_holds(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/")
    watched.picture("overview-1440-zh")
    [(missing,)] = ask(
        county,
        "select count(distinct unit_key) from fct_kpi where period_type = 'month' and period = '2026-06-01'"
        " and unit_level = 'community' and status in ('missed', 'near') and certainty = 'confirmed'",
    )
    assert page.inner_text("h1") == f"2026年6月：204 个社区（村）中，{missing} 个有指标未达标"
    assert page.title() == "洛川县 · 2026年6月"
    for domain, missed in ask(
        county,
        "select domain, count(distinct unit_key) from fct_kpi inner join dim_kpi using (kpi_id)"
        " where period_type = 'month' and period = '2026-06-01' and unit_level = 'community' and status = 'missed'"
        " and certainty = 'confirmed' group by domain",
    ):
        assert page.inner_text(f'.card[data-domain="{domain}"] [data-state="missed"]') == str(missed)
    page = watched.open("/?domain=safety")
    for kpi_id, state, count in ask(
        county, f"select kpi_id, state, count(distinct unit_key) from ({SAFETY}) group by all"
    ):
        assert page.inner_text(f'.card[data-kpi="{kpi_id}"] [data-state="{state}"]') == str(count)


def test_a_click_on_a_domain_or_a_cell_leads_there(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/?period=2026-05")
    page.locator(".matrix thead a", has_text="设施").first.click()
    page.wait_for_url("**/?domain=facilities&period=2026-05")
    page.wait_for_function("() => document.querySelector('h1').textContent.includes('设施')")
    page.locator(".choices a", has_text="全部").last.click()
    page.wait_for_url("**/?period=2026-05")
    page.wait_for_selector(".matrix td[data-domain]")
    cell = page.locator(".matrix td[data-domain='safety'].s-missed").first
    href = cell.locator("xpath=..").locator("th a").get_attribute("href")
    assert href is not None
    cell.click()
    page.wait_for_url(f"**{href}&domain=safety")
    page.wait_for_selector(".unit-name")
    assert page.locator("section.domain").count() == 1


def test_the_list_holds_every_flag_and_leads_to_its_unit(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/")
    page.wait_for_selector("#flags .ag-row")
    [(flags,)] = ask(
        county,
        "select count(*) from fct_flag where period_type = 'month' and period = '2026-06-01'"
        " and unit_level = 'community' and status in ('missed', 'near')",
    )
    rows = page.locator("#flags [role=grid], #flags [role=treegrid]").get_attribute("aria-rowcount")
    assert rows == str(int(str(flags)) + 1)  # and the header
    page.locator("#flags").scroll_into_view_if_needed()
    watched.picture("list-1440-zh")
    name = page.locator("#flags .ag-row[row-index='0'] a[href^='/unit/']").inner_text()
    page.locator("#flags .ag-row[row-index='0'] a[href^='/unit/']").click()
    page.wait_for_url("**/unit/**")
    page.wait_for_function(
        "name => document.querySelector('.unit-name')?.textContent.startsWith(name.slice(0, 3))", arg=name
    )


def test_a_click_on_a_community_leads_to_its_page_and_back_again(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/?period=2026-05")
    row = page.locator(".matrix tr:has(td.s-missed)").first
    href = row.locator("th a").get_attribute("href")
    assert href is not None
    row.locator("th").click()
    page.wait_for_url(f"**{href}")
    page.wait_for_selector(".kpis .js-plotly-plot .main-svg")
    unit_key = href.removeprefix("/unit/").partition("?")[0]
    numbers = ask(
        county,
        "select distinct kpi_id, numerator, denominator from fct_kpi inner join dim_kpi using (kpi_id)"
        " where period_type = 'month' and period = '2026-05-01' and kind <> 'count'"
        f" and unit_key = '{unit_key}' and status not in ('no_data', 'not_applicable')",
    )
    assert numbers
    for kpi_id, numerator, denominator in numbers:
        printed = page.inner_text(f'[data-kpi="{kpi_id}"] .ratio').replace(",", "")
        assert [Decimal(part) for part in printed.split(" / ")] == [numerator, denominator]
    watched.picture("community-1440-zh", whole=True)
    page.locator(".crumbs a").nth(1).click()
    page.wait_for_selector("#matrix .histories")
    watched.picture("county-1440-zh", whole=True)
    page.go_back()
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('.matrix tbody tr').length === 204")
    assert page.url.endswith("/?period=2026-05")


def test_the_language_is_switched_and_kept(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/")
    page.get_by_role("link", name="English").click()
    page.wait_for_url("**/?lang=en")
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    assert "communities miss a target" in page.inner_text("h1")
    assert "示例数据 Sample data" in page.inner_text(".banner.sample")
    watched.picture("overview-1440-en")
    page.locator(".matrix th a").first.click()
    page.wait_for_selector(".unit-name")
    assert "lang=en" in page.url
    page.wait_for_selector(".kpis .js-plotly-plot .main-svg")
    watched.picture("community-1440-en", whole=True)
    page.go_back()
    page.go_back()
    page.wait_for_function("() => document.documentElement.lang === 'zh-Hans'")


def test_another_period_is_chosen_from_the_menu_and_by_its_neighbour(county: Served, visit: Visit) -> None:
    page = visit(county).open("/")
    page.locator(".periods summary").click()
    page.locator(".menu a", has_text="2026年3月").click()
    page.wait_for_url("**/?period=2026-03")
    page.wait_for_function("() => document.querySelector('h1').textContent.startsWith('2026年3月')")
    assert not page.locator(".periods details").evaluate("menu => menu.open")
    page.get_by_label("下一期").click()
    page.wait_for_url("**/?period=2026-04")
    page.get_by_role("link", name="季", exact=True).click()
    page.wait_for_url("**/?period_type=quarter")
    page.wait_for_function("() => document.querySelector('h1').textContent.includes('季度')")


def test_one_document_is_chosen_from_the_menu(county: Served, visit: Visit) -> None:
    page = visit(county).open("/?period=2026-06")
    page.locator(".packs summary").click()
    page.locator(".packs .menu a", has_text="C · C").click()
    page.wait_for_url("**/?pack=C&period=2026-06")
    page.wait_for_function("() => document.querySelectorAll('.cards .card').length === 1")
    assert page.locator(".card").get_attribute("data-domain") == "facilities"


def test_the_heatmap_can_be_used_by_keyboard(county: Served, visit: Visit) -> None:
    page = visit(county).open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator(".matrix tbody th a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".unit-name")


@pytest.mark.parametrize(("lang", "query"), [("zh", ""), ("en", "?lang=en")])
def test_a_phone_shows_the_pages_without_sideways_scrolling(
    county: Served, visit: Visit, lang: str, query: str
) -> None:
    watched = visit(county, 390, 844)
    [(unit_key,)] = ask(county, "select min(unit_key) from fct_flag where unit_level = 'community'")
    inside = f"{query}&domain=safety" if query else "?domain=safety"
    for name, path in (
        ("overview", f"/{query}"), ("safety", f"/{inside}"), ("community", f"/unit/{unit_key}{query}"),
        ("data", f"/data{query}"), ("checks", f"/checks{query}"),
    ):  # fmt: skip
        page = watched.open(path)
        watched.picture(f"{name}-390-{lang}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_csv_is_saved_with_its_mark(county: Served, visit: Visit, tmp_path: Path) -> None:
    page = visit(county).open("/?period=2026-06")
    with page.expect_download() as download:
        page.locator("#list .take summary").click()
        page.locator("#list .take a", has_text="UTF-8").click()
    assert download.value.suggested_filename == "洛川县_未达标清单_2026-06_社区（村）_2026-07-15-001_示例数据.csv"
    download.value.save_as(tmp_path / "flags.csv")
    text = (tmp_path / "flags.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["数据性质"] for row in rows} == {"示例数据"}
    assert page.locator("#flags [role=grid], #flags [role=treegrid]").get_attribute("aria-rowcount") == str(len(rows) + 1)


def test_on_paper_the_list_is_whole(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/")
    page.wait_for_selector("#flags .ag-row")
    [(flags,)] = ask(
        county,
        "select count(*) from fct_flag where period_type = 'month' and period = '2026-06-01'"
        " and unit_level = 'community' and status in ('missed', 'near')",
    )
    shown = page.locator("#flags .ag-row[row-index='0'] .ag-cell[col-id='unit']").inner_text()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    rows = page.locator(".on-paper tbody tr")
    assert rows.count() == flags
    assert shown in rows.first.inner_text()
    assert page.locator(".on-paper").is_visible() and not page.locator("#flags").is_visible()
    watched.picture("list-on-paper")
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".on-paper").count() == 0 and page.locator("#flags").is_visible()


def test_the_data_page_shows_what_was_delivered(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/data?period=2026-06")
    assert page.locator(".slots tbody tr").count() == 8
    assert page.locator(".slots .d-missing").count() == 1
    watched.picture("data-1440-zh", whole=True)


def test_the_page_of_checks_is_reached_and_leads_to_units(county: Served, visit: Visit) -> None:
    watched = visit(county)
    page = watched.open("/")
    page.locator("header nav a", has_text="数据核查").click()
    page.wait_for_url("**/checks")
    page.wait_for_selector("#signals tbody tr")
    assert "不参与任何评价与排名" in page.inner_text(".headline")
    [(signals,)] = ask(county, "select count(*) from fct_signal where period = '2026-06-01'")
    assert page.locator("#signals tbody tr").count() == signals
    [(waiting,)] = ask(county, "select sum(rows_for_review) from fct_delivery where period = '2026-06-01'")
    assert f"{waiting} 行疑似关联待核对" in page.inner_text("h1")
    watched.picture("checks-1440-zh", whole=True)
    page.locator("#signals tbody a").first.click()
    page.wait_for_selector(".unit-name")


def test_a_unit_is_shown_as_it_was_and_as_it_is_now(moved: Served, visit: Visit) -> None:
    watched = visit(moved)
    page = watched.open("/unit/610629001001@2016-01-01?period=2026-03&domain=population")
    assert "185 / 202" in page.inner_text(".kpi-card .ratio") and "不可比" in page.inner_text(".kpi-card .comparability")
    page.get_by_role("link", name="按现行区划").click()
    page.wait_for_url("**unit_basis=as_now**")
    page.wait_for_selector(".mark-rebased")
    assert "148 / 162" in page.inner_text(".kpi-card .ratio")
    assert "无法归入现行区划" in page.inner_text("#extent")
    watched.picture("moved-1440-zh", whole=True)


def test_names_are_text_and_never_script(hostile: Served, visit: Visit) -> None:
    watched = visit(hostile)
    shown: list[str] = []

    def note(dialog: Dialog) -> None:
        shown.append(dialog.message)
        dialog.dismiss()

    watched.page.on("dialog", note)
    [(unit_key,)] = ask(hostile, "select min(unit_key) from dim_unit where unit_level = 'community'")
    for path in (
        "/",
        f"/unit/{unit_key}",
        "/unit/610629@2016-01-01",
        "/data",
        "/unit/<script>alert(5)<%2Fscript>",
    ):
        page = watched.open(path)
        page.wait_for_load_state("networkidle")
        assert page.locator("main img:not(.spark), main script").count() == 0
    page = watched.open("/")
    page.wait_for_selector("#flags .ag-row")
    assert "<img src=x onerror=alert(1)>" in page.inner_text(".matrix")
    assert shown == []


def test_before_the_first_edition_the_reader_is_told_what_to_run(empty: Served, visit: Visit) -> None:
    watched = visit(empty)
    page = watched.open("/")
    assert page.inner_text("h1") == "还没有发布任何版次"
    assert "warehouse run" in page.inner_text("main")
    watched.picture("nothing-yet-zh")
