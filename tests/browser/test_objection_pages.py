"""Objections in a real browser: from a figure on a unit's page to the answer, and what stands beside it once the figure is another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from test_accessibility import broken_rules

from pipelines.actor import Actor
from pipelines.objection_store import Objections
from pipelines.objections import due_after
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.browser import Served, Watched, serve
from tests.support.edition import build_edition

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]
UNIT = "/unit/610629001001@2016-01-01?period=2026-06"
WORDS = "有两件已办结\n<b>未计入</b>"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Served]:
    """A small county whose operational store is the test's own."""
    build_edition(tmp_path / "published")
    yield from serve(tmp_path)


@pytest.fixture
def objections(desk: Served) -> Iterator[Objections]:
    store = Store.of(Home(desk.published.parent))
    yield Objections(store)
    store.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_figure_is_contested_and_answered(
    desk: Served, visit: Visit, objections: Objections, width: int, height: int
) -> None:
    watched = visit(desk, width, height)
    page = watched.open(UNIT)
    figure = page.locator("[data-kpi=dispute_handling_rate] a.contest")
    if not figure.is_visible():  # on a phone a domain in which nothing needs attention is folded
        page.locator("details", has=figure).locator("summary").first.click()
    figure.scroll_into_view_if_needed()
    watched.picture(f"objection-from-{width}-zh")
    figure.click()
    page.wait_for_url("**/objections/new?**")
    page.wait_for_selector("form.step-form")
    watched.picture(f"objection-new-{width}-zh", whole=True)
    assert broken_rules(watched) == []
    page.fill("textarea[name=claim]", WORDS)
    page.fill("textarea[name=rows]", "grid_610629001 grid_disputes 2026-06 12")
    page.click("form.step-form button")
    page.wait_for_selector("[role=alert]")
    assert "该月没有有效批次" in page.inner_text("[role=alert]")
    assert page.input_value("textarea[name=claim]") == WORDS
    assert "400" in watched.errors.pop()  # browsers write down every form that is refused
    page.fill("textarea[name=rows]", "")
    page.click("form.step-form button")
    page.wait_for_url("**/objections/1?**")
    one = objections.objection(1)
    assert (one.claim.words, one.state) == (WORDS, "open")
    assert page.locator("dl.written dd", has_text="<b>未计入</b>").count() == 1
    page.select_option("[data-step=answered] select", "upheld")
    page.fill("[data-step=answered] textarea", "已补登")
    page.click("[data-step=answered] button")
    page.wait_for_selector(".headline .t-answered")
    assert objections.objection(1).outcome == "upheld"
    watched.picture(f"objection-{width}-zh", whole=True)
    assert broken_rules(watched) == []
    page.click(".top nav a >> text=异议")
    page.wait_for_selector("[data-objection='1']")
    watched.picture(f"objections-{width}-zh", whole=True)
    assert broken_rules(watched) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    said = one.claim.contested.said
    assert f"{said.numerator:,.0f} / {said.denominator:,.0f}" in page.inner_text("[data-objection='1']")
    page.click("[data-objection='1'] td a >> nth=1")
    page.wait_for_selector(".unit-name")
    assert "异议 1 号 · 已答复（成立）" in page.inner_text("[data-kpi=dispute_handling_rate]")


def test_the_form_is_filled_by_keyboard_alone(desk: Served, visit: Visit, objections: Objections) -> None:
    watched = visit(desk)
    page = watched.open(UNIT + "&lang=en")
    page.locator("[data-kpi=dispute_handling_rate] a.contest").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("form.step-form")
    page.locator("textarea[name=claim]").focus()
    page.keyboard.type("two were handled")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # what the figure is made from
    assert page.locator(".step-form details li").first.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/objections/1?**")
    assert objections.objection(1).claim.words == "two were handled"


def test_what_was_said_stands_beside_what_is_said_now(desk: Served, visit: Visit, objections: Objections) -> None:
    watched = visit(desk)
    page = watched.open(UNIT)
    page.locator("[data-kpi=dispute_handling_rate] a.contest").click()
    page.fill("textarea[name=claim]", "少计一件")
    page.click("form.step-form button")
    page.wait_for_url("**/objections/1?**")
    claim = objections.objection(1).claim
    contested = replace(claim.contested, said=replace(claim.contested.said, edition_id="20260601T000000-0000", numerator=Decimal(1), denominator=Decimal(8)))
    earlier = replace(contested, subject=replace(contested.subject, period=contested.subject.period.replace(month=5)))
    objections.open(replace(claim, contested=earlier, due=due_after(claim.due)), Actor("user", "wang"), claim.due)
    page = watched.open("/objections/2?lang=en")
    boxes = page.locator(".then-and-now > div").all_inner_texts()
    assert len(boxes) == 2 and "12.5%" in boxes[0] and "20260601T000000-0000" in boxes[0]
    assert "changed since" in boxes[1] and contested.said.edition_id not in boxes[1]
    watched.picture("objection-changed-1440-en", whole=True)
    assert broken_rules(watched) == []
