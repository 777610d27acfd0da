"""A served edition and a watched page: what browser tests hold in their hands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.settings import REPO

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENS = REPO / "artifacts" / "screens"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@dataclass
class Watched:
    """A page, and what it did that it must not: errors, and requests that leave the server."""

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.outside.append(url)

    def open(self, address: str) -> Page:
        self.page.goto(self.base + address)
        self.page.wait_for_selector("main h1:not(#first *)")  # drawn by the libraries, not only written for a start
        return self.page

    def picture(self, name: str, *, whole: bool = False) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_load_state("networkidle")
        if whole:  # also what lies out of sight, which a browser leaves out until it comes near
            self.page.add_style_tag(content="* { content-visibility: visible !important }")
        self.page.screenshot(path=SCREENS / f"{name}.png", full_page=whole)


@dataclass(frozen=True)
class Served:
    """A running server and the editions it reads."""

    base: str
    published: Path


def broken_rules(watched: Watched) -> list[str]:
    """'rule: elements that break it', of the page as it is shown."""
    from axe_playwright_python.sync_playwright import Axe  # installed with the browser

    found = Axe().run(watched.page, options=RULES).response["violations"]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes'][:5]]}" for rule in found]
