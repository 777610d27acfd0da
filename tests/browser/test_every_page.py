"""Every document that the application has breaks no rule of WCAG 2.1 A and AA and fits its screen, at a desk and on a phone.

Over a county that was really run, with an objection, a task, a ticket and a change of a rule in it, as an administrator sees it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.settings import Home
from tests.support.browser import Served, Watched, broken_rules, serve
from tests.support.documents import CHIEF, DOCUMENTS, NO_DOCUMENTS, SECRET, refused_row, work_on

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
SEEN = (("desktop", "zh"), ("phone", "zh"), ("phone", "en"))


@pytest.fixture(scope="module")
def row(settled: Path) -> str:
    """The address of a refused row."""
    return refused_row(Home(settled))


@pytest.fixture(scope="module")
def worked_on(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The county with something on every page, served with sign-in."""
    root = tmp_path_factory.mktemp("worked") / "data"
    shutil.copytree(settled, root, symlinks=True)
    work_on(Home(root), full_name="管理员甲", words="有两件已办结，未计入")
    yield from serve(root, WAREHOUSE_ACCESS="sign-in")


def test_every_route_is_known_as_a_document_or_as_none(settled: Path) -> None:
    rules = create_app(settled / "published", Access("sign-in")).server.url_map.iter_rules()
    assert {rule.endpoint for rule in rules if "GET" in (rule.methods or ())} == DOCUMENTS.keys() | NO_DOCUMENTS


@pytest.mark.parametrize(("size", "lang"), SEEN)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_breaks_no_rule_and_fits_its_screen(
    worked_on: Served, visit: Visit, row: str, name: str, size: str, lang: str
) -> None:
    watched = visit(worked_on, *SIZES[size])
    _sign_in(watched)
    address = DOCUMENTS[name].format(row=row)
    if lang == "en":
        address += f"{'&' if '?' in address else '?'}lang=en"
    page = watched.page
    page.goto(worked_on.base + address)
    page.wait_for_selector("h1")
    shown = {"/": "overview", "/<path:path>": "data"}.get(name, name)
    watched.picture(f"every-{shown}-{size}-{lang}", whole=True)
    assert broken_rules(watched) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    if not name.startswith("data_docs"):  # in both languages at once
        assert (page.locator("html").get_attribute("lang") or "").startswith(lang)


def _sign_in(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}/account")
    if watched.page.url.endswith("/account"):
        return  # by an earlier test, in the same profile
    watched.page.fill("input[name=name]", CHIEF)
    watched.page.fill("input[name=password]", SECRET)
    watched.page.click("form.step-form button")
    watched.page.wait_for_url("**/account")
