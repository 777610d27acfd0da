"""Alerts in a real browser: the number above every page, the page behind it, and taking alerts up by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_accessibility import SIZES, broken_rules

from pipelines.alert_store import Alerts
from pipelines.alerts import Cause, Kind
from pipelines.county import County, save_county
from pipelines.errors import Words
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.browser import Served, Watched, serve
from tests.support.edition import build_edition

pytestmark = pytest.mark.browser

COUNTY = {
    "county_code": "610629", "name_zh": "洛川县", "sample": True, "first_period": "2026-01",
    "suppliers": [{"id": "grid_a", "name_zh": "甲网格中心", "covers": ["610629101"]}],
    "expected": [{"dataset": "grid_grids", "suppliers": ["grid_a"], "due_day": 5}],
}  # fmt: skip
HOSTILE = "<img src=x onerror=alert(1)>" + "很长的名称" * 30 + "x" * 300


def cause(kind: Kind, number: int, said: str = "旧县镇网格中心 2026-01 缺报 3 项（应于 2026-02-05 前报送）：网格、实有人口、矛盾纠纷") -> Cause:
    return Cause(kind, f"{number}", Words(said, "grid_610629101: not delivered for 2026-01"), "2026-02-05", ("610629101",), weight=number)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Served]:
    """A small county with alerts of several kinds, more of one than are shown at once."""
    build_edition(tmp_path / "published")
    save_county(County.model_validate(COUNTY), Home(tmp_path).county_file)
    store = Store.of(Home(tmp_path))
    missing = [cause("delivery_missing", number) for number in range(15)]
    Alerts(store).settle(
        [*missing, cause("run_failed", 1, HOSTILE), cause("rows_refused", 2), cause("follow_up_overdue", 3)],
        ["delivery_missing", "run_failed", "rows_refused", "follow_up_overdue"],
    )
    store.close()
    yield from serve(tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_the_number_leads_to_the_alerts_which_are_taken_up_by_keyboard(
    desk: Served, visit: Callable[..., Watched], size: str
) -> None:
    watched = visit(desk, *SIZES[size])
    page = watched.open("/data")
    assert page.inner_text("nav.account .bell .count") == "18"
    page.click("nav.account .bell")
    page.wait_for_url("**/alerts")
    assert broken_rules(watched) == []
    watched.picture(f"alerts-{size}", whole=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.locator("li.delivery_missing:visible").count() == 12
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("li.delivery_missing:visible").count() == 15
    page.locator("li.run_failed button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("li.run_failed.quiet")
    assert page.inner_text("nav.account .bell .count") == "17"
    page.click("text=全部确认（15 条）")
    page.wait_for_selector("li.delivery_missing.quiet")
    assert page.inner_text("nav.account .bell .count") == "2"
    page.click("main a >> text=English")
    page.wait_for_url("**/alerts?lang=en")
    assert "18 open, 2 of them taken up by nobody" in page.inner_text("main")
    assert broken_rules(watched) == []
    watched.picture(f"alerts-{size}-en", whole=True)
    page.click("main a >> text=Ended")
    page.wait_for_url("**show=resolved**")
    assert "No alert has ended yet" in page.inner_text("main")
