"""Chromium and served editions for the browser tests.

Without Chromium or Chinese fonts they skip with the reason; WAREHOUSE_REQUIRE_BROWSER=1 makes that a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.run import run
from pipelines.sample import generate
from pipelines.settings import Home
from tests.support.browser import Served, Watched, serve
from tests.support.edition import SMALL, build_edition, county_shape
from tests.support.shared import made_once

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

AS_OF = date(2026, 11, 22)
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
STREETS = ("凤栖街道", "旧县镇", "交口河镇", "老庙镇", "土基镇", "石头镇")
WHOLE_COUNTY = {
    street: tuple(f"{street[:2]}第{number}村委会" for number in range(1, 35)) for street in STREETS
}  # 204 communities, as many as a county of this size has


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, as installed by the system."""
    path = shutil.which("chromium") or "/usr/bin/chromium"
    missing = "" if Path(path).exists() else "Chromium is not installed (package chromium)"
    if not missing and shutil.which("fc-list") and not _lists_chinese_fonts():
        missing = "no Chinese fonts are installed (package fonts-noto-cjk)"
    if missing and os.environ.get("WAREHOUSE_REQUIRE_BROWSER") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """One profile for all tests, so that the libraries are fetched once."""
    context = chromium.new_context(accept_downloads=True)
    yield context
    context.close()


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A whole county of 204 communities, served as `warehouse serve` does."""
    home = tmp_path_factory.mktemp("county")
    build_edition(home / "published", county_shape(WHOLE_COUNTY))
    yield from serve(home)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small county whose names try to be markup, script and formulas."""
    home = tmp_path_factory.mktemp("hostile")
    names = (
        "<img src=x onerror=alert(1)>",
        "<script>alert(2)</script>",
        '"><svg onload=alert(3)>',
        "=1+1{{7*7}}",
    )
    shape = replace(SMALL, streets={"<b>街道</b>": names}, county_name="javascript:alert(4)")
    build_edition(home / "published", replace(shape, cell=county_shape(shape.streets, seed=3).cell))
    yield from serve(home)


@pytest.fixture(scope="session")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small county in which a part of one community went to another."""
    home = tmp_path_factory.mktemp("moved")
    build_edition(home / "published", replace(SMALL, is_moved=True))
    yield from serve(home)


@pytest.fixture(scope="session")
def settled() -> Path:
    """The data root of a small county after a run. Not to be changed."""

    def _make(folder: Path) -> None:
        generate(Home(folder), "610629", people=2_000, months=2, seed=7, as_of=AS_OF, with_truth=False)
        run(Home(folder), as_of=AS_OF)

    return made_once("settled", _make)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A data root in which nothing was published yet."""
    yield from serve(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def visit(window: BrowserContext) -> Iterator[Callable[..., Watched]]:
    """Opens a fresh page on a server; after the test no error and no outside request may have happened."""
    opened: list[Watched] = []

    def _visit(served: Served, width: int = 1440, height: int = 900) -> Watched:
        watched = Watched(window.new_page(), served.base)
        watched.page.set_viewport_size({"width": width, "height": height})
        watched.watch()
        opened.append(watched)
        return watched

    yield _visit
    for watched in opened:
        watched.page.close()
        assert watched.errors == []
        assert watched.outside == []


def _lists_chinese_fonts() -> bool:
    listed = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())
