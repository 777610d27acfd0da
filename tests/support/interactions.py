"""How long readers wait in a browser: `WAREHOUSE_HOME=… python -m tests.support.interactions [--again]`.

Serves the edition of the data root, clicks in Chromium from page to page as readers do (every page for the first time, unless
`--again` asks for a second round) and takes the time from the click until the changed page was painted. Of each interaction: how long the
browser waited for the answer, how long it took until the page was set, and until it was painted. Bounded; ends what it starts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, sync_playwright

from pipelines.bench_readers import served
from pipelines.settings import Home

# Clicks the link, and answers once the page was changed by it and painted: milliseconds since the click.
CLICK = """(href) => new Promise((done, fail) => {
    const link = [...document.querySelectorAll('#page a[href]')].find((one) => one.getAttribute('href') === href);
    if (!link) { fail(new Error('no link ' + href)); return; }
    window.setTimeout(() => fail(new Error('nothing changed: ' + href)), 20000);
    performance.clearResourceTimings();
    const start = performance.now();
    let isSeen = false;
    const seen = new MutationObserver((changes) => {
        if (isSeen || !changes.some((one) => one.type === 'childList' && one.addedNodes.length)) { return; }
        isSeen = true;
        const set = performance.now();
        requestAnimationFrame(() => { const channel = new MessageChannel(); channel.port1.onmessage = () => {
            seen.disconnect();
            const asked = performance.getEntriesByType('resource').filter((one) => one.startTime >= start && one.startTime < set);
            const answered = Math.max(start, ...asked.map((one) => one.responseEnd));
            done({ answered: answered - start, set: set - start, painted: performance.now() - start });
        }; channel.port2.postMessage(0); });
    });
    seen.observe(document.getElementById('page'), { childList: true, subtree: true });
    link.click();
})"""
# What readers do, page by page: where they start, and which links they follow from there (the n-th that fits).
FLOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "period": ("/", (".periods .menu a:nth-child(2)", ".periods .menu a:nth-child(3)", ".periods .menu a:nth-child(4)")),
    "status": ("/", (".states .menu a:nth-child(3)", ".states .menu a:nth-child(4)", ".states .menu a:nth-child(6)")),
    "street": ("/", (".streets .menu a:nth-child(2)", ".streets .menu a:nth-child(5)", ".streets .menu a:nth-child(9)")),
    "sort": ("/", (".sorts a:nth-child(2)", ".sorts a:nth-child(3)", ".sorts a:nth-child(4)")),
    "domain": ("/", (".domains a:nth-child(2)", ".domains a:nth-child(5)", ".domains a:nth-child(8)")),
    "view": ("/", (".views a:nth-child(2)", ".views a:nth-child(3)")),
    "period of a domain": ("/?domain=safety", (".periods .menu a:nth-child(3)", ".periods .menu a:nth-child(5)")),
    "KPI": ("/", (".card .most a", "#urgent tr:nth-child(3) .f-kpi a")),
    "unit": ("/", (".matrix tbody tr:nth-child(4) th a", "#urgent tr:nth-child(5) th a")),
    "street's profile": ("/", ("#matrix th.street a",)),
    "page": ("/", (".top nav a[href^='/data']", ".top nav a[href^='/checks']")),
    "KPI of a unit": ("/?sort=shortfall", (".matrix tbody tr:nth-child(9) th a", ".kpi-lines th a", ".ranking tbody tr:nth-child(3) th a")),
}  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """One interaction: milliseconds from the click until the answer had come, the page was set, and it was painted."""

    kind: str
    href: str
    answered: float
    set: float
    painted: float


def measure(base: str, *, is_second: bool) -> list[Taken]:
    """All flows once, in one window; the second time where that is asked for."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        found = _round(page, base)
        if is_second:
            found = _round(page, base)
        browser.close()
    return found


def _round(page: Page, base: str) -> list[Taken]:
    found = []
    for kind, (start, steps) in FLOWS.items():
        page.goto(base + start)
        page.wait_for_selector("main h1:not(#first *)")
        for step in steps:
            page.wait_for_timeout(1500)  # a reader looks at it
            link = page.query_selector(f"#page {step}")
            if link is None:  # an edition without such a link
                continue
            href = link.get_attribute("href")
            assert href is not None
            taken: dict[str, Any] = page.evaluate(CLICK, href)
            found.append(Taken(kind, href, **taken))
    return found


def _told(found: list[Taken]) -> str:
    lines = [f"{one.kind:20s} {one.answered:6.0f} {one.set:6.0f} {one.painted:6.0f}  {one.href}" for one in found]
    for name in ("answered", "set", "painted"):
        times = sorted(getattr(one, name) for one in found)
        lines.append(f"{name:9s} p50 {statistics.median(times):.0f} ms, p95 {times[min(len(times) - 1, len(times) * 95 // 100)]:.0f} ms of {len(times)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="interactions", description=__doc__)
    parser.add_argument("--again", action="store_true", help="measure a second round, over pages that were drawn before")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with served(Home.from_environment()) as (port, _server):
        found = measure(f"http://127.0.0.1:{port}", is_second=asked.again)
    sys.stdout.write(json.dumps([vars(one) for one in found], indent=1) + "\n" if asked.json else _told(found))


if __name__ == "__main__":
    main()
