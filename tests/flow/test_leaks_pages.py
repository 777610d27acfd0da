"""Nobody who was planted into deliveries is named by a page, a download or the answer to a form, nor by what serving them writes.

Every route that the application has is asked for, by links as far as they lead; every form is sent with an identity number where
it does not belong. A steward's page of a row shows the cells of columns without personal data as they were delivered.
"""

from __future__ import annotations

import http.cookiejar
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import get_args

import polars as pl
import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from dashboards.access import Access
from dashboards.address import NoSuchPage, Page, parse
from dashboards.background import Background
from dashboards.export import TABLES
from dashboards.server import create_app
from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.settings import Home
from pipelines.stewardship.open_rows import open_rows
from pipelines.store import Store
from tests.support.browser import serve
from tests.support.planted import (
    DATASETS,
    MONTH,
    Leaky,
    Place,
    Planted,
    files_beside_landing,
    identity_number,
    is_kept,
    places_found,
)
from tests.support.texts import everything_in, text_of

SECRET = "correct horse battery"
CLOSED = {"static", "/_reload-hash"}  # to everybody
PER_ROUTE = 5  # addresses of one that are asked for, beside those named here
ROWS = 12  # of each dataset with planted people
LOOKS, PAUSE = 600, 0.5  # at a preview that is being computed
TYPED = identity_number(901)
# What no link of a page leads to.
UNLINKED = (
    "/", "/?lang=en", "/data", "/checks", "/steward", "/steward/rules", "/objections?state=all", "/alerts", "/alerts?show=resolved",
    "/data-docs/index.html", f"/data-docs/newest/grid_events/{MONTH}", "/healthz", "/page.json?at=/data", "/_dash-layout",
    "/_dash-dependencies", "/_favicon.ico", "/assets/pages.css", "/list/flags.json", "/sign-in/provider", "/sign-in/answer", "/welcome/x",
    "/_dash-component-suites/dash/dash-renderer/build/dash_renderer.min.js", "/account", "/audit", "/sign-in", "/help/models/index.html",
    "/help/dictionary.html", "/bulletin.docx", "/bulletin.xlsx", "/follow-up?state=all", "/nowhere",
    "/help", "/help/questions", "/help/connect",
    *(f"/export/{name}.{kind}?page=kpi&kpi=dispute_handling_rate" for name in ("ranking", "targets") for kind in ("csv", "xlsx", "parquet")),
    *(f"/export/{name}.{kind}" for name in TABLES for kind in ("csv", "xlsx", "parquet", "csv?encoding=gb18030")),
)  # fmt: skip

AFTERWARDS = (
    "/steward", "/steward/decisions", "/steward/rules?dataset=civil_facilities", "/objections", "/objections/1", "/follow-up",
    "/follow-up/1", "/alerts", "/audit",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    path: str
    body: bytes


class Reader:
    """A browser without a window, signed in as an administrator."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.send("/sign-in", {"name": "chief", "password": SECRET}, token="")
        self.token = re.findall('name="token" value="([^"]+)"', self.get("/account").body.decode())[0]

    def get(self, path: str) -> Answer:
        return self._ask(path, None)

    def send(self, path: str, values: dict[str, str], token: str | None = None) -> Answer:
        sent = {"token": self.token if token is None else token, **values}
        return self._ask(path, urllib.parse.urlencode(sent).encode())

    def _ask(self, path: str, data: bytes | None) -> Answer:
        asked = urllib.request.Request(self._base + path, data, {"Accept": "text/html,*/*", "Origin": self._base})
        try:
            with self._opener.open(asked, timeout=120) as answer:
                return Answer(answer.status, urllib.parse.urlsplit(answer.url).path, answer.read())
        except urllib.error.HTTPError as answer:
            return Answer(answer.code, path, answer.read())


@dataclass
class Searched:
    """What was asked for and found: by route how often, by page how often, and the places of whom an address named."""

    routes: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    found: list[tuple[str, Place]] = field(default_factory=list)
    kept_cells: set[Place] = field(default_factory=set)
    refused: dict[str, Counter[int]] = field(default_factory=dict)
    repeated: list[tuple[str, str]] = field(default_factory=list)
    written: list[tuple[str, Place]] = field(default_factory=list)
    files: int = 0


@pytest.fixture(scope="module")
def routes(leaky: Leaky) -> MapAdapter:
    """The routes of the application, to be matched with addresses."""
    bound: MapAdapter = create_app(leaky.home.published, Access("sign-in")).server.url_map.bind("localhost")
    return bound


@pytest.fixture(scope="module")
def searched(leaky: Leaky, routes: MapAdapter) -> Iterator[Searched]:
    home = leaky.home
    store = Store.of(home)
    Accounts(store).add(Account("chief", "管理员甲", "administrator"), Actor("system_user", "tester"))
    Accounts(store).set_password("chief", SECRET, Actor("system_user", "tester"))
    rows = open_rows(home, store).filter(pl.col("dataset").is_in(DATASETS), pl.col("period").dt.strftime("%Y-%m") == MONTH)
    store.close()
    rows = rows.group_by("dataset", maintain_order=True).head(ROWS)
    own = [f"/steward/row/{batch_id}/{number}" for batch_id, number in rows.select("batch_id", "row_number").iter_rows()]
    started, found = time.time(), Searched()
    for served in serve(home.root, WAREHOUSE_ACCESS="sign-in", TMPDIR=f"{home.root / 'tmp'}"):
        reader = Reader(served.base)
        linked = _crawl(reader, routes, found, leaky.planted, [*UNLINKED, *own])
        _work(reader, home, own[0], linked)
        for address in (*AFTERWARDS, *own[:2]):
            _search(reader.get(address), address, routes, found, leaky.planted)
        _send_what_does_not_belong(reader, found, leaky.planted, own[0], linked)
        typed: Planted = {("typed", "into a form"): (TYPED,)}
        for path in files_beside_landing(home):
            if path.stat().st_mtime >= started:
                found.files += 1
                found.written += [(f"{path.relative_to(home.root)}", place) for place in places_found(everything_in(path), leaky.planted | typed)]
        yield found


def _crawl(reader: Reader, routes: MapAdapter, found: Searched, planted: Planted, first: list[str]) -> set[str]:
    """Asks for these addresses and for what their pages lead to, of each route so many; every address that was linked."""
    waiting, linked, taken = list(first), set(first), Counter[str]()
    while waiting:
        address = waiting.pop(0)
        route = _route(routes, address)
        if taken[route] >= PER_ROUTE and address not in first:
            continue
        taken[route] += address not in first
        answer = reader.get(address)
        _search(answer, address, routes, found, planted)
        for link in _links(answer):
            if link not in linked and _route(routes, link):
                linked.add(link)
                waiting.append(link)
    return linked


def _search(answer: Answer, address: str, routes: MapAdapter, found: Searched, planted: Planted) -> None:
    route = _route(routes, address)
    found.statuses[answer.status] += 1
    found.routes[route] += 1
    if route in ("/", "/<path:path>"):
        found.pages[_page(address)] += 1
    for place in places_found(text_of(answer.body), planted):
        if route == "steward_row" and is_kept(place):
            found.kept_cells.add(place)
        else:
            found.found.append((address, place))


def _route(routes: MapAdapter, address: str) -> str:
    try:
        return str(routes.match(urllib.parse.unquote(urllib.parse.urlsplit(address).path), method="GET")[0])
    except HTTPException:
        return ""


def _page(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    try:
        return parse(parts.path, f"?{parts.query}").page
    except NoSuchPage:
        return ""


def _links(answer: Answer) -> list[str]:
    if not answer.body.lstrip().startswith(b"<!"):
        return []
    hrefs = [unescape(href) for href in re.findall(r'(?:href|src)="([^"#]+)', answer.body.decode())]
    return [urllib.parse.urljoin(answer.path, href) for href in hrefs if not re.match("[a-z]+:", href)]


def _work(reader: Reader, home: Home, row: str, linked: set[str]) -> None:
    """An objection, a task, a decision and a change of a rule, the last two with their previews."""
    assert reader.send(_of(linked, "/objections/new"), {"to": "open", "claim": "少计一件"}).status == 200
    task = {"to": "assigned", "due": "2099-01-01", "instructions": "限期整改"}
    assert reader.send(_of(linked, "/follow-up/new"), task).status == 200
    assert reader.send(row, {"to": "reject", "reason": "不属于本县"}).status == 200
    assert reader.send("/steward/decisions/1", {"to": "preview", "at": "decisions"}).status == 200
    _wait(Background(home, "decision_preview"))
    change = {"dataset": "civil_facilities", "rule": "floor_area_m2.range", "maximum": "50", "first_month": MONTH, "reason": "核定"}
    assert reader.send("/steward/rules?dataset=civil_facilities", {"to": "propose", **change}).status == 200
    assert reader.send("/steward/rules?dataset=civil_facilities", {"to": "preview", "change": "1"}).status == 200
    _wait(Background(home, "rule_preview"))


def _of(linked: set[str], path: str) -> str:
    return min(address for address in linked if address.startswith(path))


def _wait(background: Background) -> None:
    for _ in range(LOOKS):
        if not background.is_running:
            return
        time.sleep(PAUSE)
    pytest.fail(f"{background.name} does not end")


# Every form's steps. Their fields are whatever any form has.
STEPS: dict[str, tuple[str, ...]] = {
    "steward_row_sent": ("accept", "reject", "merge", "correct", "send_back", "same_person", "other_person", TYPED),
    "steward_ticket_sent": ("assign", "note", "send_all", TYPED),
    "steward_decision_sent": ("approve", "refuse", "withdraw", TYPED),
    "rules_change": ("propose", "approve", "refuse", "withdraw", "preview", TYPED),
    "objections_change": ("open", "answered", "closed", "withdrawn", TYPED),
    "follow_up_change": ("assigned", "rectifying", "answered", "withdrawn", TYPED),
    "alerts_acknowledged": (TYPED,), "account_sent": (TYPED,), "sign_in_sent": (TYPED,), "welcome_sent": (TYPED,),
    "/_dash-update-component": (TYPED,), "sign_out": (TYPED,),
}  # fmt: skip
FIELDS = (
    "reason", "note", "into", "pair", "due", "assignee", "claim", "rows", "answer", "outcome", "document", "instructions", "dataset", "rule",
    "minimum", "maximum", "spellings", "removed", "severity", "first_month", "last_month", "change", "number", "name", "full_name",
    "password", "again", "present", "next", "at",
)  # fmt: skip


def _send_what_does_not_belong(reader: Reader, found: Searched, planted: Planted, row: str, linked: set[str]) -> None:
    cells = re.findall('name="(cell[.][^"]+)"', reader.get(row).body.decode())
    paths = {
        "steward_row_sent": (row,), "steward_ticket_sent": ("/steward/ticket/1",), "steward_decision_sent": ("/steward/decisions/1",),
        "rules_change": ("/steward/rules?dataset=civil_facilities",), "objections_change": (_of(linked, "/objections/new"), "/objections/1"),
        "follow_up_change": (_of(linked, "/follow-up/new"), "/follow-up/1"), "alerts_acknowledged": ("/alerts",), "account_sent": ("/account",),
        "sign_in_sent": ("/sign-in",), "welcome_sent": ("/welcome/x",), "/_dash-update-component": ("/_dash-update-component",),
        "sign_out": ("/sign-out",),
    }  # fmt: skip
    for route, steps in STEPS.items():
        statuses = found.refused.setdefault(route, Counter())
        for path in paths[route]:
            for step in steps:
                token = TYPED if route in ("sign_out", "welcome_sent") else None
                answer = reader.send(path, {**dict.fromkeys((*FIELDS, *cells), TYPED), "to": step, "seen": "1"}, token)
                statuses[answer.status] += 1
                text = text_of(answer.body)
                found.found += [
                    (f"POST {path}", place) for place in places_found(text, planted)
                    if not (route == "steward_row_sent" and is_kept(place))
                ]  # fmt: skip
                in_forms = re.compile(r'<textarea[^>]*>.*?</textarea>|value="[^"]*"', re.DOTALL)
                if TYPED in in_forms.sub("", text):
                    found.repeated.append((path, step))


# --- what is to be so -------------------------------------------------------------------------------------------


def test_every_route_was_asked_and_every_page_shown(searched: Searched, routes: MapAdapter) -> None:
    gettable = {rule.endpoint for rule in routes.map.iter_rules() if "GET" in (rule.methods or ())}
    assert gettable - CLOSED <= set(searched.routes)
    of_forms = {"steward", "follow_up", "objections"}  # routes of their own
    assert set(get_args(Page)) - of_forms <= set(searched.pages)
    assert searched.statuses[200] > 0.8 * searched.statuses.total() and not searched.statuses[500]
    for route in ("steward_row", "steward_ticket", "correction_sheet", "export_table", "data_docs"):
        assert searched.routes[route] >= 3, route


def test_every_form_was_sent_with_what_does_not_belong(searched: Searched, routes: MapAdapter) -> None:
    assert set(searched.refused) == {rule.endpoint for rule in routes.map.iter_rules() if "POST" in (rule.methods or ())}
    taken = {route: statuses for route, statuses in searched.refused.items() if set(statuses) & {200, 303, 500}}
    # What is no number of an alert is passed over; whoever opens what there is already is led to it.
    assert set(taken) <= {"alerts_acknowledged", "follow_up_change", "objections_change"}
    assert not any(statuses[500] for statuses in searched.refused.values())


def test_no_answer_names_anybody(searched: Searched) -> None:
    assert searched.found == []


def test_a_row_shows_cells_of_columns_without_personal_data(searched: Searched) -> None:
    """Else nothing would have been searched for on them."""
    assert {dataset for dataset, _ in searched.kept_cells} == set(DATASETS)


def test_what_was_typed_is_repeated_in_its_form_alone(searched: Searched) -> None:
    assert searched.repeated == []


def test_serving_writes_nobody_down(searched: Searched, leaky: Leaky) -> None:
    assert searched.written == []
    assert searched.files > 20
    assert (leaky.home.root / "server.log").exists() and list((leaky.home.root / "tmp").glob("pages-*/*/*"))
    for preview in ("previews/decision-1/*.parquet", "rule_change-1-*/figures.parquet"):
        assert list(leaky.home.steward.glob(preview)), preview
