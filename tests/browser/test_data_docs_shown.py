"""Data Docs in a real browser, under the server's own policy: styled, readable, and without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from test_accessibility import SIZES, broken_rules

from dashboards.data_docs import data_docs_href, run_href
from pipelines.settings import Home
from tests.support.browser import Served, Watched, serve
from tests.support.data_docs import DATASET, MONTHS, RUN, write_docs
from tests.support.edition import build_edition

pytestmark = pytest.mark.browser

ADDRESSES = {"index": data_docs_href(), "run": run_href(RUN), "validation": data_docs_href(DATASET, MONTHS[0])}


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small county with the Data Docs of one run."""
    folder = tmp_path_factory.mktemp("documented")
    build_edition(folder / "published")
    write_docs(Home(folder))
    yield from serve(folder)


def test_a_steward_comes_from_the_checks_to_what_failed(documented: Served, visit: Callable[..., Watched]) -> None:
    watched = visit(documented)
    page = watched.open("/checks")
    page.goto(documented.base + str(page.get_attribute('main a[href^="/data-docs"]', "href")))
    page.click("td a >> nth=0")
    assert page.inner_text("h1").startswith("网格")
    assert page.evaluate("getComputedStyle(document.querySelector('.table td')).borderTopWidth") == "1px"
    rows = page.locator("tbody tr:visible", has_text="expect_")
    assert rows.count() > 10
    page.check("#failed-only")
    assert rows.count() == 2 and rows.filter(has_text="合格 passed").count() == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ADDRESSES)
def test_no_page_breaks_a_rule_of_accessibility(
    documented: Served, visit: Callable[..., Watched], name: str, size: str
) -> None:
    watched = visit(documented, *SIZES[size])
    watched.open(ADDRESSES[name])
    watched.picture(f"data-docs-{name}-{size}", whole=True)
    assert broken_rules(watched) == []
