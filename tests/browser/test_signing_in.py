"""Signing in with a real browser: from the link of the first start to the pages, and out again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from test_accessibility import broken_rules

from tests.support.browser import Served, Watched, serve
from tests.support.edition import build_edition

pytestmark = pytest.mark.browser

SECRET = "correct horse battery"


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A small county that is served as on a new machine."""
    monkeypatch.setenv("WAREHOUSE_ACCESS", "sign-in")
    build_edition(tmp_path / "published")
    yield from serve(tmp_path)


def link_of(served: Served) -> str:
    """The one-time link that the server wrote when it started."""
    found = re.search(r"http://\S+(/welcome/\S+)", (served.published.parent / "server.log").read_text("utf-8"))
    assert found
    return found[1]


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("form.step-form button")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_newcomer_comes_from_the_link_to_the_pages_and_out(
    locked: Served, visit: Callable[..., Watched], width: int, height: int
) -> None:
    watched = visit(locked, width, height)
    page = watched.page
    page.goto(locked.base + "/data")
    assert "一次性链接" in page.inner_text("main")
    assert broken_rules(watched) == []
    page.goto(locked.base + link_of(locked))
    assert broken_rules(watched) == []
    watched.picture(f"welcome-{width}")
    fill(page, full_name="管理员甲", password=SECRET, again=SECRET)
    page.wait_for_selector("main h1:not(#first *)")
    assert "管理员甲" in page.inner_text("nav.account")
    assert broken_rules(watched) == []
    watched.picture(f"signed-in-{width}")
    page.click("nav.account a >> text=审计日志")
    page.wait_for_selector("text=全部与摘要一致")
    assert broken_rules(watched) == []
    watched.picture(f"audit-{width}")
    page.click("nav.account a >> text=管理员甲")
    page.wait_for_selector("[name=present]")
    assert broken_rules(watched) == []
    page.click("nav.account button")
    page.wait_for_url("**/sign-in")
    page.goto(locked.base + "/checks?lang=en")
    fill(page, name="admin", password=SECRET)
    page.wait_for_url("**/checks?lang=en")
    page.wait_for_selector("main h1:not(#first *)")
    page.evaluate("document.cookie = ''")
    assert page.evaluate("document.cookie") == ""  # scripts do not see the session


def test_a_session_that_ended_leads_to_signing_in_and_back(locked: Served, visit: Callable[..., Watched]) -> None:
    watched = visit(locked)
    page = watched.page
    page.goto(locked.base + link_of(locked))
    fill(page, full_name="管理员甲", password=SECRET, again=SECRET)
    page.wait_for_selector("main h1:not(#first *)")
    page.context.clear_cookies()
    page.click(".top nav a >> text=数据情况")
    page.wait_for_url("**/sign-in?next=%2Fdata")
    watched.errors.clear()  # the browser tells of the answer 401
    fill(page, name="admin", password=SECRET)
    page.wait_for_url("**/data")
    page.wait_for_selector("main h1:not(#first *)")
