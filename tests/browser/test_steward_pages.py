"""The steward's work in a real browser: from the first thing to settle to a decision, on a desk and on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.county import load_county
from pipelines.editions import last_two
from pipelines.explain import explain
from pipelines.run import run
from pipelines.settings import Home
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.open_rows import open_rows
from pipelines.stewardship.tickets import Tickets
from pipelines.stewardship.work_list import work_list
from pipelines.store import Store
from tests.browser.conftest import AS_OF
from tests.support.browser import Served, Watched, broken_rules, serve

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@pytest.fixture
def desk(settled: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copytree(settled, tmp_path / "data", symlinks=True)
    yield from serve(tmp_path / "data")


@pytest.fixture
def store(desk: Served) -> Iterator[Store]:
    store = Store.of(Home(desk.published.parent))
    yield store
    store.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_first_thing_to_settle_is_settled(desk: Served, visit: Visit, store: Store, size: str) -> None:
    watched = visit(desk, *SIZES[size])
    page = watched.open("/")
    page.click(".top nav a >> text=工作清单")
    page.wait_for_selector(".first-steps h3")
    before = page.inner_text("h1")
    watched.picture(f"steward-list-{size}-zh")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert broken_rules(watched) == []
    first = page.locator(".first-steps > li").first
    (first.locator("a.button").or_(first.locator("summary"))).first.click()
    if "/row/" not in page.url:
        first.locator(".row-links a").first.click()
    page.wait_for_url("**/steward/row/**")
    watched.picture(f"steward-row-{size}-zh", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert broken_rules(watched) == []
    if page.locator("[data-form=reject][open]").count() == 0:
        page.click("[data-form=reject] > summary")
    page.fill("[data-form=reject] textarea", "不属于本县 <b>据实</b>")
    page.click("[data-form=reject] button")
    page.wait_for_selector("[data-decision='1']")
    assert "不属于本县 <b>据实</b>" in page.inner_text("[data-decision='1']")
    assert [one.draft.kind for one in Decisions(store).in_force()] == ["reject"]
    page.click(".crumbs a >> nth=0")
    page.wait_for_selector(".first-steps h3")
    assert page.inner_text("h1") != before and "1 行已裁定" in page.inner_text(".headline")
    page.click("text=全部裁定")
    page.wait_for_selector("[data-decision='1']")
    watched.picture(f"steward-decisions-{size}-zh")
    assert broken_rules(watched) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_ticket_goes_back_to_its_supplier(desk: Served, visit: Visit, store: Store, size: str) -> None:
    watched = visit(desk, *SIZES[size])
    page = watched.open("/steward?lang=en")
    page.click("[data-ticket] a >> nth=0")
    page.wait_for_url("**/steward/ticket/**")
    number = int(page.url.partition("/ticket/")[2].partition("?")[0])
    page.click("summary:has-text('Send all back')")
    page.fill("[data-step=send_all] textarea", "please look the rows up")
    page.click("[data-step=send_all] button")
    page.wait_for_selector(".r-sent_back")
    assert len(Decisions(store).in_force()) == Tickets(store).ticket(number).rows
    page.click("summary:has-text('Assign')")
    page.fill("[data-step=assign] [name=assignee]", "Wang")
    page.click("[data-step=assign] button")
    page.wait_for_selector(".e-assigned")
    assert Tickets(store).ticket(number).assignee == "Wang"
    with page.expect_download() as downloaded:
        page.click("#sheets a >> nth=0")
    assert downloaded.value.suggested_filename.endswith(".xlsx")
    watched.picture(f"steward-ticket-{size}-en", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert broken_rules(watched) == []
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_unit_leads_to_the_rows_behind_what_is_undetermined(desk: Served, visit: Visit) -> None:
    with duckdb.connect(str((desk.published / "warehouse.duckdb").resolve()), read_only=True) as connection:
        found = connection.execute(
            "select unit_key, unit_code, period from fct_kpi where certainty = 'undetermined' and unit_basis = 'as_was'"
            " and period_type = 'month' and unit_level = 'community' order by all"
        ).fetchone()
    assert found
    key, code, period = found
    watched = visit(desk)
    page = watched.open(f"/unit/{key}?period={period:%Y-%m}")
    page.click("a.button:has-text('查看导致无法判定的行')")
    page.wait_for_url(f"**/steward?**unit={code}*")
    assert "待处理" in page.inner_text("h1")
    page.click(".note a")
    page.wait_for_selector(".first-steps h3")


def test_a_row_is_settled_the_next_run_decides_its_verdict_and_the_account_of_changes_says_why(
    desk: Served, visit: Visit, store: Store
) -> None:
    home = Home(desk.published.parent)
    work = work_list(home.pointer.resolve(), load_county(home.county_file), open_rows(home, store))
    # of one with a target: the profile marks no doubt where nothing is judged
    alone = work.verdicts.filter(pl.col("target_id").is_not_null(), hangs_on=1, unit_level="community")
    hanging = alone.join(work.touches, on="verdict_id").join(work.rows, on="row_id").sort("verdict_id").row(0, named=True)
    line = f"[data-kpi={hanging['kpi_id']}]"
    profile = f"/unit/{hanging['unit_key']}?period={hanging['period']:%Y-%m}&lang=en"
    watched = visit(desk)
    page = watched.open(profile)
    assert page.locator(f"{line} .s-undetermined").count() > 0
    page.click("a.button:has-text('Rows behind what is undetermined')")
    page.wait_for_selector(".first-steps h3")
    row = f"/steward/row/{hanging['batch_id']}/{hanging['row_number']}"
    shown = page.locator(f"a[href*='{row}']").first.get_attribute("href")
    assert shown
    page = watched.open(shown)
    assert "this row alone" in page.inner_text("#verdicts")
    if page.locator("[data-form=reject][open]").count() == 0:
        page.click("[data-form=reject] > summary")
    page.fill("[data-form=reject] textarea", "not of this county")
    page.click("[data-form=reject] button")
    page.wait_for_selector("[data-decision='1']")

    # Until a run has counted it the figure stays as it was published.
    page = watched.open(profile)
    assert page.locator(f"{line} .s-undetermined").count() > 0
    published = run(home, as_of=AS_OF).publication
    assert published is not None and published.is_new
    explain(home, *last_two(home))
    page = watched.open(profile)
    assert page.locator(line).count() > 0 and page.locator(f"{line} .s-undetermined").count() == 0
    page = watched.open("/data?lang=en")
    causes = page.locator("#changes .details li").all_text_contents()
    assert causes and all(cause.endswith(" steward decision") for cause in causes)
    watched.picture("steward-decided-changes-1440-en")
