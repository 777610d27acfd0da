"""A served edition and a watched page: what tests of served pages hold in their hands."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.settings import REPO

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENS = REPO / "artifacts" / "screens"
# Of what holds axe-core names one element a rule, not every one: on a large page that takes most of its time.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


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


def serve(home: Path, **settings: str) -> Iterator[Served]:
    """Serves a data root until the test that asked is done. `settings`: of the environment. The log is server.log in the root."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "WAREHOUSE_HOME": str(home), "PYTHONPATH": str(REPO), **settings}
    log = (home / "server.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "dashboards", "--port", str(port), "--workers", "1"],
        env=environment,
        stdout=log,
        stderr=log,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(f"{base}/healthz", server, home / "server.log")
        yield Served(base, home / "published")
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, though not ready: nothing is published
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
