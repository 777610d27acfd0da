"""The doors: every route and page that the application has, tried by every kind of visitor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

import duckdb
import pytest
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access import Access, UnsafeAccess, require_safe
from dashboards.address import Page
from dashboards.doors import DOORS, PAGE_DOORS
from dashboards.security import CALLBACK_PATH
from dashboards.server import create_app, serve
from expectations.contract import AGENCY_WORDS
from pipelines.account_store import SETUP, Accounts, web_session
from pipelines.accounts import ROLES, Account, Role
from pipelines.actor import Actor
from pipelines.alert_store import Alerts
from pipelines.alerts import Cause
from pipelines.audit_log import audit_event, entries, verify_audit_log
from pipelines.county import County, save_county
from pipelines.errors import Words
from pipelines.follow_up import Assignment, Key
from pipelines.follow_up_edition import asking, flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim, NamedRows
from pipelines.settings import Home
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.store import Slot, Store
from tests.support.edition import build_edition

SECRET = "correct horse battery"
CLI = Actor("system_user", "tester")
HERE = "http://localhost"
BROWSER = {"Accept": "text/html,*/*"}
AREA = "610629001001"
OWN, OTHER = f"{AREA}@2016-01-01", "610629001002@2016-01-01"
IDENTITIES = ("none", *ROLES)
# What each identity may have; of `unit` a supplier has its own alone.
MAY: dict[str, set[str]] = {
    "none": {"anyone"},
    "supplier": {"anyone", "signed_in", "unit", "help", "follow_up", "contest"},
    "leader": {"anyone", "signed_in", "unit", "help", "follow_up", "contest", "figures", "downloads"},
    "analyst": {"anyone", "signed_in", "unit", "help", "follow_up", "contest", "figures", "downloads", "checks"},
    "steward": {
        "anyone", "signed_in", "unit", "help", "follow_up", "contest", "figures", "downloads", "checks", "settle", "tune",
    },
    "administrator": {
        "anyone", "signed_in", "unit", "help", "follow_up", "contest", "figures", "downloads", "checks", "settle", "tune",
        "administer",
    },
}
# An address of every route that answers GET.
ADDRESSES = {
    "_dash_assets.static": "/assets/pages.css", "/_favicon.ico": "/_favicon.ico", "healthz": "/healthz",
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": "/_dash-component-suites/dash/dash-renderer/build/dash_renderer.min.js",
    "sign_in": "/sign-in", "provider": "/sign-in/provider", "provider_answer": "/sign-in/answer", "welcome": "/welcome/x", "account": "/account", "alerts": "/alerts", "/_dash-layout": "/_dash-layout",
    "/_dash-dependencies": "/_dash-dependencies", "list_flags": "/list/flags.json?period=2026-06",
    "export_table": "/export/flags.csv?period=2026-06", "bulletin": "/bulletin.docx?period=2026-06",
    "dictionary": "/help/dictionary.html", "models": "/help/models/index.html", "follow_up": "/follow-up",
    "data_docs": "/data-docs/index.html", "data_docs_newest": "/data-docs/newest/grid_grids/2026-06",
    "follow_up_view": "/follow-up/1", "objections": "/objections", "objections_view": "/objections/1",
    "steward": "/steward", "steward_decisions": "/steward/decisions", "steward_ticket": "/steward/ticket/1",
    "steward_row": f"/steward/row/{'a' * 24}/1", "correction_sheet": "/steward/ticket/1/2026-06.xlsx", "rules": "/steward/rules",
    "audit": "/audit", "static": "/static/x", "/_reload-hash": "/_reload-hash",
}  # fmt: skip
PAGES: dict[Page, str] = {
    "overview": "/", "unit": f"/unit/{OWN}", "kpi": "/kpi/dispute_handling_rate", "data": "/data", "checks": "/checks",
    "guide": "/help", "questions": "/help/questions", "connect": "/help/connect",
}  # fmt: skip


COUNTY = {
    "county_code": "610629", "name_zh": "洛川县", "sample": True, "first_period": "2026-01",
    "suppliers": [{"id": "grid_a", "name_zh": "甲网格中心", "covers": [AREA]}],
    "expected": [{"dataset": "grid_grids", "suppliers": ["grid_a"], "due_day": 5}],
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("doors")
    build_edition(home / "published")
    save_county(County.model_validate(COUNTY), Home(home).county_file)
    store = Store.of(Home(home))
    accounts = Accounts(store)
    for role in ROLES:
        accounts.add(Account(role, f"{ROLES[role].zh}甲", role, AREA if role == "supplier" else ""), CLI)
        accounts.set_password(role, SECRET, CLI)
    store.close()
    return home / "published"


@pytest.fixture(scope="module")
def app(published: Path) -> Dash:
    return create_app(published, Access("sign-in"))


@pytest.fixture(scope="module")
def clients(app: Dash) -> dict[str, FlaskClient]:
    """A browser of every identity."""
    made = {name: app.server.test_client() for name in IDENTITIES}
    for role in ROLES:
        assert sign_in(made[role], role).status_code == 303
    return made


@pytest.fixture
def store(published: Path) -> Iterator[Store]:
    store = Store.of(Home(published.parent))
    yield store
    store.close()


def sign_in(client: FlaskClient, name: str, password: str = SECRET, to: str = "", **headers: str) -> TestResponse:
    sent = {"name": name, "password": password, "next": to}
    return client.post("/sign-in", data=sent, headers={"Origin": HERE, **headers})


def token_of(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/account").text)
    assert found
    return found[1]


def call(client: FlaskClient, pathname: str, search: str = "") -> TestResponse:
    """What scripts ask of the server for a page."""
    return client.get("/page.json", query_string={"at": pathname + search}, headers={"Accept": "application/json"})


# --- every route × every identity ---------------------------------------------------------------------------


def test_every_route_and_page_has_a_door(app: Dash) -> None:
    routes = {rule.endpoint for rule in app.server.url_map.iter_rules()}
    closed = {"static", "/_reload-hash", CALLBACK_PATH}
    assert routes == set(DOORS) | closed
    assert set(PAGE_DOORS) == set(get_args(Page))
    # browsers run them all
    assert not [name for name, declared in app.callback_map.items() if "callback" in declared]
    got = {rule.endpoint for rule in app.server.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert got == set(ADDRESSES) | {"/", "/<path:path>", "page_json"}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("endpoint", ADDRESSES)
def test_a_route_answers_those_who_may(clients: dict[str, FlaskClient], endpoint: str, identity: str) -> None:
    door = DOORS.get(endpoint, "closed")
    answer = clients[identity].get(ADDRESSES[endpoint], headers=BROWSER)
    if door in MAY[identity]:
        assert answer.status_code not in (401,) and "/sign-in?next" not in answer.headers.get("Location", "")
        if endpoint != "welcome":  # refuses a link that is not valid, whoever opens it
            assert answer.status_code in (200, 303, 404)
    elif identity == "none":
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in?next=")
        assert clients[identity].get(ADDRESSES[endpoint]).status_code == 401
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_answers_those_who_may_as_document_and_to_scripts(clients: dict[str, FlaskClient], page: Page, identity: str) -> None:
    client, path = clients[identity], PAGES[page]
    shown, called = client.get(path, headers=BROWSER), call(client, path)
    if PAGE_DOORS[page] in MAY[identity]:
        assert (shown.status_code, called.status_code) == (200, 200)
        assert 'class="page ' in shown.text
    elif identity == "none":
        assert (shown.status_code, called.status_code) == (303, 401)
    elif page == "overview":
        assert (shown.status_code, shown.headers["Location"], called.status_code) == (303, f"/unit/{OWN}", 403)
    else:
        assert (shown.status_code, called.status_code) == (403, 403)
    if shown.status_code != 200:
        assert "洛川县" not in shown.text + called.text


def variants(path: str) -> list[str]:
    """The same address in ways that a door might not recognise."""
    first, _, rest = path.lstrip("/").partition("/")
    ways = [f"//{path.lstrip('/')}", f"{path}/", f"/{first.upper()}/{rest}", f"/./{path.lstrip('/')}", f"{path}%2f", f"{path};x"]
    return [*ways, path.replace("/", "%2f", 2), path.replace("/", "/%2e/", 1), f"{path}%00", path.replace("/", "\\", 1)]


def sent_as_written(client: FlaskClient, path: str) -> TestResponse:
    """A request as the server hands it on: decoded once, nothing else of it changed."""
    return client.get("/", headers=BROWSER, environ_overrides={"PATH_INFO": unquote(path)})


@pytest.mark.parametrize("path", ["/data", "/checks", "/data-docs/index.html", "/kpi/dispute_handling_rate", "/export/flags.csv", "/audit", f"/unit/{OTHER}", "/list/flags.json", "/help/questions", "/steward", "/steward/decisions"])
def test_no_way_of_writing_an_address_leads_past_its_door(clients: dict[str, FlaskClient], path: str) -> None:
    for written in variants(path):
        assert sent_as_written(clients["none"], written).status_code == 303, written
        answer = sent_as_written(clients["supplier"], written)
        # Refused, sent to the usual way of writing it, or an address that names nothing.
        assert answer.status_code in (403, 404, 308) or "没有这个页面" in answer.text, written
        assert call(clients["none"], written).status_code == 401
        called = call(clients["supplier"], written)
        assert called.status_code == 403 or "没有这个页面" in called.text, written


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/data", "/export/flags.csv", "/sign-out", "/account", "/follow-up/1", "/objections/new", "/steward/ticket/1", "/alerts", "/audit", CALLBACK_PATH])
def test_nobody_changes_anything_without_signing_in(clients: dict[str, FlaskClient], method: str, path: str) -> None:
    answer = clients["none"].open(path, method=method, headers={"Origin": HERE})
    assert answer.status_code in (400, 401)


def test_a_confused_page_request_is_no_way_in(clients: dict[str, FlaskClient]) -> None:
    for pathname in ("", "?", "/unit/", "/unit/%00", "//data", "data", "/page.json", "/unit/../data"):
        for search in ("", "?unit=x", "?at=/data", "&at=/data"):
            assert call(clients["none"], pathname, search).status_code == 401
            answer = call(clients["supplier"], pathname, search)
            assert answer.status_code in (200, 403)
            assert "没有这个页面" in answer.text or answer.status_code == 403
    # of several addresses the one that is looked up is the one that is shown
    assert clients["supplier"].get(f"/page.json?at=/unit/{OWN}&at=/data").json["page"] is not None
    assert clients["supplier"].get(f"/page.json?at=/data&at=/unit/{OWN}").status_code == 403


def test_visitors_at_the_same_time_are_never_mistaken_for_each_other(app: Dash, clients: dict[str, FlaskClient]) -> None:
    cookies = {name: client.get_cookie(cookie_of(client)) for name, client in clients.items() if name != "none"}

    def ask(number: int) -> tuple[str, int, bool]:
        name = IDENTITIES[number % len(IDENTITIES)]
        client = app.server.test_client()  # as from a browser of its own
        if name != "none":
            kept = cookies[name]
            assert kept is not None
            client.set_cookie(kept.key, kept.value)
        answer = client.get("/checks", headers=BROWSER)
        return name, answer.status_code, name == "none" or f"{ROLES[name].zh}甲" in answer.text

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(150)))
    for name, status, is_own in answers:
        assert is_own, name
        assert status == (200 if "checks" in MAY[name] else 303 if name == "none" else 403), name


def cookie_of(client: FlaskClient) -> str:
    return next(key for _, _, key in client._cookies)


@pytest.mark.parametrize(
    ("identity", "classes"),
    [("administrator", "account"), ("leader", "account no-checks no-settle"), ("supplier", "account no-figures no-checks no-downloads no-settle")],
)
def test_links_to_closed_doors_are_put_out_of_sight(clients: dict[str, FlaskClient], identity: str, classes: str) -> None:
    assert f'class="{classes}"' in clients[identity].get(f"/unit/{OWN}", headers=BROWSER).text


# --- areas --------------------------------------------------------------------------------------------------


def test_who_is_limited_to_an_area_sees_nothing_of_other_units(clients: dict[str, FlaskClient]) -> None:
    client = clients["supplier"]
    assert client.get(f"/unit/{OWN}", headers=BROWSER).status_code == 200
    for key in (OTHER, "610629001@2016-01-01", "610629@2016-01-01", "x"):
        assert client.get(f"/unit/{key}", headers=BROWSER).status_code == 403
        assert call(client, f"/unit/{key}").status_code == 403
    assert client.get(f"/unit/{OWN}?unit={OTHER}", headers=BROWSER).status_code == 200


def test_an_area_is_a_code_and_not_the_key_of_a_unit_that_had_it_once(tmp_path: Path) -> None:
    published = tmp_path / "published"
    build_edition(published)
    with duckdb.connect(str((published / "warehouse.duckdb").resolve())) as connection:
        connection.execute("update dim_unit set unit_code = '610629001099' where unit_key = ?", [OWN])
        connection.execute("update dim_unit set unit_code = ? where unit_key = ?", [AREA, OTHER])
    store = Store.of(Home(tmp_path))
    Accounts(store).add(Account("grid", "网格员甲", "supplier", AREA), CLI)
    Accounts(store).set_password("grid", SECRET, CLI)
    store.close()
    client = create_app(published, Access("sign-in")).server.test_client()
    sign_in(client, "grid")
    assert client.get(f"/unit/{OWN}", headers=BROWSER).status_code == call(client, f"/unit/{OWN}").status_code == 403
    assert client.get(f"/unit/{OTHER}", headers=BROWSER).status_code == call(client, f"/unit/{OTHER}").status_code == 200


def task_about(published: Path, tasks: FollowUp, unit: str, state: str | None = None) -> int:
    """A task about the first missed target of a unit, assigned."""
    with duckdb.connect(str((published / "warehouse.duckdb").resolve()), read_only=True) as connection:
        row = connection.execute(
            "select unit_key, kpi_id, target_id from fct_flag where period_type = 'month' and period = '2026-06-01'"
            " and unit_key = ? and status = 'missed' and certainty = 'confirmed' order by all", [unit],
        ).fetchone()  # fmt: skip
    assert row
    with asking(Home(published.parent)) as ask:
        flag = flag_of(ask, Key(*row), "month", date(2026, 6, 1))
    due = Assignment(date.today() + timedelta(days=30), "限期整改")
    return tasks.open(flag, CLI, date.today(), due)


def missed_units(published: Path) -> list[str]:
    with duckdb.connect(str((published / "warehouse.duckdb").resolve()), read_only=True) as connection:
        rows = connection.execute(
            "select distinct unit_key from fct_flag where period_type = 'month' and period = '2026-06-01' and"
            " unit_level = 'community' and status = 'missed' and certainty = 'confirmed' order by 1"
        ).fetchall()
    return [key for (key,) in rows]


def test_tasks_outside_the_area_are_not_there_and_steps_are_the_roles(published: Path, store: Store) -> None:
    mine, other = missed_units(published)[:2]
    tasks, accounts = FollowUp(store), Accounts(store)
    own_task, other_task = (task_about(published, tasks, unit) for unit in (mine, other))
    accounts.add(Account("grid", "网格员甲", "supplier", mine.partition("@")[0]), CLI)
    accounts.set_password("grid", SECRET, CLI)
    client = create_app(published, Access("sign-in")).server.test_client()
    sign_in(client, "grid")
    listed = client.get("/follow-up", headers=BROWSER).text
    assert f'data-task="{own_task}"' in listed and f'data-task="{other_task}"' not in listed
    assert client.get(f"/follow-up/{other_task}", headers=BROWSER).status_code == 404
    new = f"/follow-up/new?unit={other}&kpi={tasks.task(other_task).flag.key.kpi_id}&target={tasks.task(other_task).flag.key.target_id}&period=2026-06"
    assert client.get(new, headers=BROWSER).status_code == 404
    page = client.get(f"/follow-up/{own_task}", headers=BROWSER).text
    assert re.findall('data-step="([a-z]+)"', page) == ["rectifying", "answered"]
    token = token_of(client)

    def step(task: int, **sent: str) -> int:
        values = {"token": token, "seen": str(tasks.task(own_task).events), **sent}
        return client.post(f"/follow-up/{task}", data=values, headers={"Origin": HERE}).status_code

    assert step(other_task, to="answered", note="已办结") == 404
    assert step(own_task, to="withdrawn", note="不办了") == 403
    assert step(own_task, to="assigned", due="2099-01-01", instructions="延期") == 403
    assert step(own_task, to="answered", note="已办结") == 303
    assert step(own_task, to="rectifying", note="退回") == 403
    assert (tasks.task(own_task).state, tasks.task(other_task).state) == ("answered", "assigned")
    event = tasks.events(own_task)[-1]
    assert event.actor == Actor("user", "grid")
    assert ("follow_up", "answered") in [(one["action"], one["detail"]) for one in entries(store, actor="grid")]


def contested_figure(published: Path, unit: str) -> str:
    """The address at which a figure of a unit is contested."""
    with asking(Home(published.parent)) as ask:
        (subject, *_) = subjects_of(ask, unit, "dispute_handling_rate", "month", date(2026, 6, 1))
    return f"/objections/new?unit={subject.unit_key}&kpi={subject.kpi_id}&target={subject.target_id}&period=2026-06"


def test_figures_are_contested_in_the_own_area_and_answered_by_stewards_alone(
    clients: dict[str, FlaskClient], published: Path, store: Store
) -> None:
    own, other = (contested_figure(published, unit) for unit in (OWN, OTHER))
    above = contested_figure(published, "610629001@2016-01-01")
    objections = Objections(store)

    def send(name: str, path: str, **sent: str) -> int:
        client = clients[name]
        return client.post(path, data={"token": token_of(client), **sent}, headers={"Origin": HERE}).status_code

    for path in (other, above):
        assert clients["supplier"].get(path, headers=BROWSER).status_code == 403
        assert send("supplier", path, to="open", claim="别人的数据") == 403
    assert objections.all() == []
    assert send("supplier", own, to="open", claim="少计一件") == 303
    assert send("analyst", other, to="open", claim="多计一件") == 303
    mine, theirs = (one.objection_id for one in objections.all())
    assert objections.objection(mine).by == Actor("user", "supplier")

    listed = clients["supplier"].get("/objections?state=all", headers=BROWSER).text
    assert f'data-objection="{mine}"' in listed and f'data-objection="{theirs}"' not in listed and OTHER not in listed
    assert clients["supplier"].get(f"/objections/{theirs}", headers=BROWSER).status_code == 404
    assert send("supplier", f"/objections/{theirs}", to="withdrawn", seen="1") == 404

    # who objected withdraws, stewards answer, nobody else does anything
    shown = {name: re.findall('data-step="([a-z]+)"', clients[name].get(f"/objections/{mine}").text) for name in ROLES}
    assert shown == {"leader": [], "analyst": [], "steward": ["answered"], "supplier": ["withdrawn"], "administrator": ["answered"]}
    for name in ("leader", "analyst", "supplier"):
        assert send(name, f"/objections/{mine}", to="answered", outcome="upheld", answer="成立", seen="1") == 403
    for name in ("leader", "analyst", "steward", "administrator"):
        assert send(name, f"/objections/{mine}", to="withdrawn", seen="1") == 403
    assert objections.objection(mine).events == 1
    assert send("steward", f"/objections/{mine}", to="answered", outcome="upheld", answer="已核实", seen="1") == 303
    assert send("analyst", f"/objections/{mine}", to="closed", seen="2") == 403
    assert send("supplier", f"/objections/{mine}", to="closed", seen="2") == 303
    assert [event.actor.name for event in objections.events(mine)] == ["supplier", "steward", "supplier"]
    noted = [(one["actor"], one["detail"]) for one in entries(store) if one["action"] == "objection"]
    assert noted == [("supplier", "closed"), ("steward", "answered"), ("analyst", "open"), ("supplier", "open")]


def test_an_agency_answers_for_its_own_figures_in_its_area(app: Dash, clients: dict[str, FlaskClient], published: Path, store: Store) -> None:
    objections, accounts = Objections(store), Accounts(store)
    with asking(Home(published.parent)) as ask:
        contested = contested_of(ask, subjects_of(ask, OWN, "dispute_handling_rate", "month", date(2026, 4, 1))[0])
    other_agency = next(name for name in AGENCY_WORDS if name != contested.owner_agency)
    speakers = {
        "owner": Account("owner", "甲", "supplier", "610629", agency=contested.owner_agency),
        "chief": Account("chief", "乙", "leader", agency=contested.owner_agency),
        "elsewhere": Account("elsewhere", "丙", "supplier", OTHER.partition("@")[0], agency=contested.owner_agency),
        "stranger": Account("stranger", "丁", "supplier", "610629", agency=other_agency),
    }
    browsers = {name: app.server.test_client() for name in speakers}
    for name, account in speakers.items():
        accounts.add(account, CLI)
        accounts.set_password(name, SECRET, CLI)
        sign_in(browsers[name], name)
    number = objections.open(Claim(contested, "少计一件", date(2099, 1, 1)), Actor("user", "supplier"), date.today())

    def answer(name: str) -> int:
        sent = {"to": "answered", "outcome": "upheld", "answer": "已补登", "seen": "1", "token": token_of(browsers[name])}
        return browsers[name].post(f"/objections/{number}", data=sent, headers={"Origin": HERE}).status_code

    pages = {name: browser.get(f"/objections/{number}", headers=BROWSER) for name, browser in browsers.items()}
    assert {name: page.status_code for name, page in pages.items()} == {"owner": 200, "chief": 200, "elsewhere": 404, "stranger": 200}
    offered = {name: re.findall('data-step="([a-z]+)"', page.text) for name, page in pages.items()}
    assert offered == {"owner": ["answered"], "chief": ["answered"], "elsewhere": [], "stranger": []}
    assert (answer("elsewhere"), answer("stranger")) == (404, 403)
    assert objections.objection(number).events == 1
    # what an account speaks for counts at once
    accounts.change("owner", CLI, agency=other_agency)
    assert answer("owner") == 403
    accounts.change("owner", CLI, agency=contested.owner_agency)
    assert answer("owner") == 303
    assert objections.events(number)[-1].actor == Actor("user", "owner")
    assert [one["detail"] for one in entries(store, action="objection", actor="owner")] == ["answered"]
    closing = {"to": "closed", "seen": "2", "token": token_of(browsers["owner"])}
    assert browsers["owner"].post(f"/objections/{number}", data=closing, headers={"Origin": HERE}).status_code == 403
    account_page = browsers["owner"].get("/account?lang=en").text
    assert f"<dd>{AGENCY_WORDS[contested.owner_agency][1]}</dd>" in account_page  # type: ignore[index]


def test_the_audit_log_takes_no_text_for_a_step(clients: dict[str, FlaskClient], published: Path, store: Store) -> None:
    path = contested_figure(published, "610629001002@2016-01-01").replace("2026-06", "2026-03")
    for number, step in enumerate(("open", "王某 999629190102039014")):  # the second is led to the first
        sent = {"token": token_of(clients["leader"]), "to": step, "claim": "少计一件"}
        assert clients["leader"].post(path, data=sent, headers={"Origin": HERE}).status_code == 303
        assert len(entries(store, action="objection", actor="leader")) == number + 1
    assert [one["detail"] for one in entries(store, action="objection", actor="leader")] == ["", "open"]


def test_only_who_settles_rows_is_led_to_them(clients: dict[str, FlaskClient], published: Path, store: Store) -> None:
    with asking(Home(published.parent)) as ask:
        subject = subjects_of(ask, OWN, "dispute_handling_rate", "month", date(2026, 5, 1))[0]
        contested = contested_of(ask, subject)
    rows = (NamedRows(Slot("grid_610629001", "grid_disputes", "2026-05"), "b1", (12,)),)
    number = Objections(store).open(Claim(contested, "第十二行有误", date(2099, 1, 1), rows), CLI, date.today())
    for name in ROLES:
        page = clients[name].get(f"/objections/{number}").text
        assert "第 12 行" in page
        assert ("/steward/row/b1/12" in page) == (name in ("steward", "administrator"))


def test_an_objection_goes_with_the_unit_and_not_with_its_code(tmp_path: Path) -> None:
    published = tmp_path / "published"
    build_edition(published)
    with asking(Home(tmp_path)) as ask:
        contested = contested_of(ask, subjects_of(ask, OWN, "dispute_handling_rate", "month", date(2026, 6, 1))[0])
    store = Store.of(Home(tmp_path))
    Objections(store).open(Claim(contested, "少计一件", date(2099, 1, 1)), CLI, date.today())
    for name, area in (("before", AREA), ("after", "610629001099")):
        Accounts(store).add(Account(name, "网格员甲", "supplier", area), CLI)
        Accounts(store).set_password(name, SECRET, CLI)
    store.close()
    with duckdb.connect(str((published / "warehouse.duckdb").resolve())) as connection:
        connection.execute("update dim_unit set unit_code = '610629001099' where unit_key = ?", [OWN])
    app = create_app(published, Access("sign-in"))
    for name, is_shown in (("before", False), ("after", True)):
        client = app.server.test_client()
        sign_in(client, name)
        assert client.get("/objections/1", headers=BROWSER).status_code == (200 if is_shown else 404)
        assert ("data-objection" in client.get("/objections", headers=BROWSER).text) == is_shown


# --- alerts -------------------------------------------------------------------------------------------------

OWN_ALERT = Cause("delivery_missing", "grid_a/2026-01", Words("甲缺报 <b>", "a: missing"), "2026-02-05", (AREA,), "grid_a")
OTHER_ALERT = Cause("delivery_missing", "grid_b/2026-01", Words("乙缺报", "b: missing"), "2026-02-05", ("610629001002",), "grid_b")
RUN_ALERT = Cause("run_failed", "r1", Words("运行失败", "The run failed"), "2026-02-11T20:00:00+00:00", ("610629",))


@pytest.fixture
def raised(store: Store) -> Iterator[Alerts]:
    alerts = Alerts(store)
    alerts.settle([OWN_ALERT, OTHER_ALERT, RUN_ALERT], ["delivery_missing", "run_failed"])
    yield alerts
    alerts.settle([], ["delivery_missing", "run_failed"])


def acknowledge(client: FlaskClient, *numbers: int, token: str | None = None) -> TestResponse:
    sent = {"token": token_of(client) if token is None else token, "number": [str(one) for one in numbers]}
    return client.post("/alerts", data=sent, headers={"Origin": HERE})


def test_everybody_sees_the_alerts_that_the_role_and_area_are_told_of(clients: dict[str, FlaskClient], raised: Alerts) -> None:
    for name, seen in (("steward", 3), ("administrator", 1), ("supplier", 1), ("leader", 0), ("analyst", 0)):
        page = clients[name].get("/alerts", headers=BROWSER).text
        assert page.count("<li class=") == seen, name
        assert ("没有需要您处理的告警" in page) == (seen == 0)
        assert "示例数据" in page and "<b>" not in page
    shown = clients["supplier"].get("/alerts?lang=en").text
    assert "a: missing &lt;b&gt;" not in shown and "a: missing" in shown and "b: missing" not in shown and "since 2026-02-05" in shown
    # what lies behind doors that are closed to suppliers is not linked
    assert 'href="/data' not in shown and 'href="/data' in clients["steward"].get("/alerts").text
    assert "2026-02-12" in clients["steward"].get("/alerts").text  # the day here of a moment


def test_the_line_above_every_page_says_how_many_nobody_has_taken_up(published: Path, raised: Alerts) -> None:
    client = create_app(published, Access("sign-in")).server.test_client()
    sign_in(client, "steward")
    for path in ("/alerts", "/data", "/account", "/follow-up"):
        assert '<strong class="count">3</strong>' in client.get(path, headers=BROWSER).text, path
    first, *_, last = sorted(one.number for one in raised.all(is_open=True))
    assert acknowledge(client, first, last).status_code == 303
    page = client.get("/alerts").text
    assert '<strong class="count">1</strong>' in page and page.count("steward 已于") == 2
    assert page.count('type="submit"') == 2  # the way out, and what is left to take up


def test_alerts_are_taken_up_by_those_who_are_told_and_by_forms_of_these_pages(
    clients: dict[str, FlaskClient], raised: Alerts, store: Store
) -> None:
    number = {one.cause.subject: one.number for one in raised.all(is_open=True)}
    everything = tuple(number.values())
    assert acknowledge(clients["supplier"], *everything, token="forged").status_code == 403
    assert acknowledge(clients["leader"], *everything).status_code == 303
    assert [one.acknowledged_by for one in raised.all(is_open=True)] == [None] * 3
    acknowledge(clients["supplier"], *everything)
    assert {one.cause.subject: one.acknowledged_by for one in raised.all(is_open=True)} == {
        "grid_a/2026-01": "supplier", "grid_b/2026-01": None, "r1": None,
    }  # fmt: skip
    entry = entries(store, action="acknowledge", actor="supplier")[0]
    assert (entry["subject"], entry["detail"]) == (str(number["grid_a/2026-01"]), "delivery_missing")
    for wrong in ("x", "-1", "9" * 40, ""):
        answer = clients["steward"].post("/alerts", data={"token": token_of(clients["steward"]), "number": wrong}, headers={"Origin": HERE})
        assert answer.status_code == 303


def test_what_ended_stays_to_be_looked_up(clients: dict[str, FlaskClient], raised: Alerts) -> None:
    raised.settle([RUN_ALERT], ["delivery_missing", "run_failed"])
    ended = clients["supplier"].get("/alerts?show=resolved").text
    assert "甲缺报" in ended and "乙缺报" not in ended and "结束" in ended
    assert "甲缺报" not in clients["supplier"].get("/alerts").text


def test_without_a_county_there_is_nothing_to_be_told_and_pages_show(tmp_path: Path) -> None:
    build_edition(tmp_path / "published")
    client = create_app(tmp_path / "published", Access("none")).server.test_client()
    shown = client.get("/alerts")
    assert shown.status_code == 503 and "warehouse init" in shown.text
    assert 'class="bell"' in client.get("/data").text and 'class="count"' not in client.get("/data").text


def test_whoever_is_at_the_machine_sees_alerts_as_a_steward(published: Path, raised: Alerts) -> None:
    client = create_app(published, Access("none")).server.test_client()
    assert client.get("/alerts").text.count("<li class=") == 3


# --- signing in ---------------------------------------------------------------------------------------------


def test_the_cookie_is_for_this_server_alone(app: Dash, published: Path) -> None:
    cookie = sign_in(app.server.test_client(), "analyst").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Secure" not in cookie
    behind = create_app(published, Access("sign-in", "https://figures.example")).server.test_client()
    answer = behind.post(
        "/sign-in", data={"name": "analyst", "password": SECRET}, base_url="https://figures.example",
        headers={"Origin": "https://figures.example", "X-Forwarded-For": "203.0.113.9, 192.0.2.4"},
    )  # fmt: skip
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-warehouse_") and "Secure" in cookie
    assert answer.headers["Strict-Transport-Security"]
    store = Store.of(Home(published.parent))
    assert entries(store, last=1)[0]["address"] == "192.0.2.4"  # what the proxy saw, not what the browser claims
    store.close()
    assert sign_in(behind, "analyst").status_code == 403  # not from the public address


def test_after_signing_in_the_page_asked_for_is_shown_and_no_other_site(app: Dash) -> None:
    client = app.server.test_client()
    asked = client.get("/data?period=2026-06", headers=BROWSER).headers["Location"]
    assert asked == "/sign-in?next=%2Fdata%3Fperiod%3D2026-06"
    assert 'value="/data?period=2026-06"' in client.get(asked).text
    assert sign_in(client, "analyst", to="/data?period=2026-06").headers["Location"] == "/data?period=2026-06"
    for foreign in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", ""):
        assert sign_in(app.server.test_client(), "analyst", to=foreign).headers["Location"] == "/"


def test_a_wrong_password_says_nothing_more(app: Dash) -> None:
    known = sign_in(app.server.test_client(), "leader", "wrong-password-1", **{"X-Forwarded-For": "1.2.3.4"})
    unknown = sign_in(app.server.test_client(), "nobody-here", "wrong-password-1")
    assert known.status_code == unknown.status_code == 403
    assert known.text.replace("leader", "") == unknown.text.replace("nobody-here", "")
    assert "wrong-password-1" not in known.text and "Set-Cookie" not in known.headers


def test_a_session_cannot_be_fixed_beforehand_forged_or_used_after_signing_out(app: Dash, store: Store) -> None:
    client = app.server.test_client()
    cookie = next(iter(sign_in(client, "analyst").headers["Set-Cookie"].split("="))), ""
    name = cookie[0]
    client.set_cookie(name, "fixed-by-somebody-else")
    assert client.get("/data", headers=BROWSER).status_code == 303
    sign_in(client, "analyst")
    kept = client.get_cookie(name)
    assert kept is not None and kept.value != "fixed-by-somebody-else"
    hashes = [row["token_hash"] for row in store.rows(web_session.select())]
    client.set_cookie(name, hashes[-1])  # what the store holds opens nothing
    assert client.get("/data", headers=BROWSER).status_code == 303
    client.set_cookie(name, kept.value)
    token = token_of(client)
    assert client.post("/sign-out", data={"token": "x"}, headers={"Origin": HERE}).status_code == 403
    assert client.post("/sign-out", data={"token": token}, headers={"Origin": HERE}).status_code == 303
    client.set_cookie(name, kept.value)
    assert client.get("/data", headers=BROWSER).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "http://localhost:9"}, {"Origin": HERE, "Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/account", "/follow-up/1", "/objections/1", "/steward/ticket/1", "/steward/decisions/1", "/welcome/x"])
def test_a_request_from_another_site_changes_nothing(clients: dict[str, FlaskClient], path: str, headers: dict[str, str]) -> None:
    client = clients["steward"]
    values: dict[str, Any] = {"token": token_of(client), "name": "analyst", "password": SECRET, "to": "withdrawn", "note": "x"}
    assert client.post(path, data=values, headers=headers).status_code == 403
    assert client.get("/account").status_code == 200


def test_a_token_of_another_session_is_refused(clients: dict[str, FlaskClient]) -> None:
    answer = clients["steward"].post("/sign-out", data={"token": token_of(clients["analyst"])}, headers={"Origin": HERE})
    assert answer.status_code == 403


def test_ones_own_password_is_changed_with_the_present_one(published: Path, store: Store) -> None:
    accounts = Accounts(store)
    accounts.add(Account("carl", "分析员丙", "analyst"), CLI)
    accounts.set_password("carl", SECRET, CLI)
    app = create_app(published, Access("sign-in"))
    client, elsewhere = app.server.test_client(), app.server.test_client()
    sign_in(client, "carl"), sign_in(elsewhere, "carl")

    def change(**sent: str) -> TestResponse:
        return client.post("/account", data={"token": token_of(client), **sent}, headers={"Origin": HERE})

    new = "another password 2"
    assert change(present=SECRET, password=new, again="something else").status_code == 400
    assert change(present=SECRET, password="short", again="short").status_code == 400
    assert change(present="wrong", password=new, again=new).status_code == 400
    assert change(present=SECRET, password=new, again=new).status_code == 303
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account", headers=BROWSER).status_code == 303
    assert sign_in(elsewhere, "carl").status_code == 403
    assert sign_in(elsewhere, "carl", new).status_code == 303


def test_the_first_administrator_comes_by_the_link_and_is_signed_in(tmp_path: Path) -> None:
    build_edition(tmp_path / "published")
    store = Store.of(Home(tmp_path))
    token = Accounts(store).make_link(SETUP, CLI)
    client = create_app(tmp_path / "published", Access("sign-in")).server.test_client()
    assert "一次性链接" in client.get("/sign-in").text
    path = f"/welcome/{token}"
    assert "创建系统管理员" in client.get(path).text and "Create the administrator" in client.get(f"{path}?lang=en").text
    sent = {"name": "boss", "full_name": "<b>管理员</b>", "password": SECRET, "again": SECRET}
    assert client.post(path, data=sent).status_code == 403  # without an origin
    assert client.post(path, data={**sent, "again": "x"}, headers={"Origin": HERE}).status_code == 400
    answer = client.post(path, data=sent, headers={"Origin": HERE})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = client.get("/", headers=BROWSER).text
    assert "&lt;b&gt;管理员&lt;/b&gt;" in page and "退出 Sign out" in page and "审计日志" in page
    assert client.get(path).status_code == 403
    assert client.post(path, data={**sent, "name": "second"}, headers={"Origin": HERE}).status_code == 403
    assert [one.name for one in Accounts(store).all()] == ["boss"]
    store.close()


# --- the audit log ------------------------------------------------------------------------------------------


def test_what_is_to_be_provable_is_written_down_and_read_by_administrators(clients: dict[str, FlaskClient], store: Store) -> None:
    clients["analyst"].get("/export/flags.csv?period=2026-06&encoding=gb18030")
    clients["supplier"].get("/export/flags.csv?period=2026-06", headers=BROWSER)
    download = entries(store, action="download", actor="analyst", last=1)[0]
    assert (download["subject"], download["address"]) == ("/export/flags.csv?period=2026-06&encoding=gb18030", "127.0.0.1")
    assert entries(store, action="download", actor="supplier") == []
    assert entries(store, action="refused", actor="supplier", last=1)[0]["subject"] == "/export/flags.csv?period=2026-06"
    assert verify_audit_log(store).is_whole
    page = clients["administrator"].get("/audit").text
    assert "全部与摘要一致" in page and "encoding=gb18030" in page
    assert "all as they were written" in clients["administrator"].get("/audit?lang=en").text


def test_a_log_that_was_changed_is_shown_as_such(tmp_path: Path) -> None:
    build_edition(tmp_path / "published")
    store = Store.of(Home(tmp_path))
    accounts = Accounts(store)
    accounts.add(Account("boss", "管理员", "administrator"), CLI)
    accounts.set_password("boss", SECRET, CLI)
    client = create_app(tmp_path / "published", Access("sign-in")).server.test_client()
    sign_in(client, "boss")
    with store.transaction() as connection:
        connection.execute(audit_event.update().where(audit_event.c.number == 1).values(actor="other"))
    store.close()
    assert "日志被改动：1 条" in client.get("/audit").text


# --- how it is served ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "host"),
    [
        (Access("none"), "0.0.0.0"), (Access("none"), "192.0.2.1"), (Access("none"), None),
        (Access("none", "https://figures.example"), "127.0.0.1"),
        (Access("sign-in"), "0.0.0.0"), (Access("sign-in"), "::"), (Access("sign-in"), None),
        (Access("proxy", "https://figures.example"), "127.0.0.1"), (Access("proxy"), None),
    ],
)  # fmt: skip
def test_what_is_unsafe_is_not_served(tmp_path: Path, access: Access, host: str | None) -> None:
    place: dict[str, Any] = {"host": host} if host else {"socket": tmp_path / "s"}
    with pytest.raises(UnsafeAccess) as refused:
        serve(tmp_path / "published", access=access, **place)
    assert "拒绝" in refused.value.zh


@pytest.mark.parametrize(
    ("access", "host"),
    [
        (Access("none"), "127.0.0.1"), (Access(), "::1"), (Access("sign-in", "https://f.example"), "10.0.0.8"),
        (Access("sign-in", "https://f.example"), None), (Access("proxy", "https://f.example"), None),
    ],
)  # fmt: skip
def test_what_is_safe_may_be_served(published: Path, access: Access, host: str | None) -> None:
    assert require_safe(access, Home(published.parent), host) is None


def test_a_proxy_names_people_and_nobody_else_can(published: Path, store: Store) -> None:
    at = "https://figures.example"
    client = create_app(published, Access("proxy", at)).server.test_client()

    def ask(path: str, user: str | None) -> TestResponse:
        headers = BROWSER if user is None else {**BROWSER, "X-Remote-User": user}
        return client.get(path, base_url=at, headers=headers)

    for nobody in (None, "", "nobody-here", "analyst,administrator", "Analyst"):
        answer = ask("/checks", nobody)
        assert answer.status_code == 403 and "没有您的账户" in answer.text and "洛川县" not in answer.text
    page = ask("/checks", "analyst").text
    assert "分析人员甲" in page and "/sign-out" not in page
    assert ask("/checks", "leader").status_code == ask("/data", "supplier").status_code == 403
    assert ask("/audit", "administrator").status_code == 200
    assert "没有这个页面" in ask("/sign-in", "analyst").text
    with_cookie = {**BROWSER, "Cookie": "x=y"}
    assert client.get("/checks", base_url=at, headers=with_cookie).status_code == 403
    Accounts(store).change("analyst", CLI, is_disabled=True)
    assert ask("/checks", "analyst").status_code == 403
    Accounts(store).change("analyst", CLI, is_disabled=False)


def test_forms_behind_a_proxy_are_their_receivers(published: Path, store: Store) -> None:
    at = "https://figures.example"
    client = create_app(published, Access("proxy", at)).server.test_client()
    unit = missed_units(published)[2]
    task = task_about(published, FollowUp(store), unit)

    def token(user: str) -> str:
        page = client.get(f"/follow-up/{task}", base_url=at, headers={**BROWSER, "X-Remote-User": user}).text
        return re.findall('name="token" value="([^"]+)"', page)[0]

    def withdraw(token: str) -> int:
        values = {"to": "withdrawn", "note": "重复", "seen": "2", "token": token}
        headers = {"Origin": at, "X-Remote-User": "steward"}
        return client.post(f"/follow-up/{task}", data=values, base_url=at, headers=headers).status_code

    assert withdraw(token("leader")) == withdraw("") == 403
    assert withdraw(token("steward")) == 303
    assert FollowUp(store).events(task)[-1].actor == Actor("user", "steward")


@pytest.mark.parametrize("folder", ["store", "keys"])
def test_secrets_that_others_can_read_stop_the_server(tmp_path: Path, folder: str) -> None:
    secrets = tmp_path / folder
    secrets.mkdir(mode=0o755)
    secrets.chmod(0o755)
    with pytest.raises(UnsafeAccess, match="chmod 700"):
        require_safe(Access(), Home(tmp_path), "127.0.0.1")
    secrets.chmod(0o700)
    require_safe(Access(), Home(tmp_path), "127.0.0.1")


def test_a_new_store_can_be_read_by_its_owner_alone(home: Home) -> None:
    Store.of(home).close()
    assert home.store.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "environment",
    [{"WAREHOUSE_ACCESS": "open"}, {"WAREHOUSE_PUBLIC_URL": "http://f.example"}, {"WAREHOUSE_PUBLIC_URL": "https://f.example/path"}, {"WAREHOUSE_PUBLIC_URL": "https://a:b@f.example"}],
    ids=str,
)
def test_settings_that_make_no_sense_are_named(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnsafeAccess, match=next(iter(environment))):
        Access.from_environment()


def test_sign_in_is_asked_for_unless_it_was_switched_off(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAREHOUSE_ACCESS")
    assert create_app(published).server.test_client().get("/", headers=BROWSER).status_code == 303
    monkeypatch.setenv("WAREHOUSE_ACCESS", "none")
    page = create_app(published).server.test_client().get("/")
    assert page.status_code == 200 and "No sign-in: on this machine only" in page.text


def test_health_fails_while_the_store_does_not_answer(tmp_path: Path) -> None:
    build_edition(tmp_path / "published")
    home = Home(tmp_path)
    home.store.mkdir(parents=True)  # a folder where the file should be
    locked = create_app(home.published, Access("sign-in")).server.test_client()
    answer = locked.get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable", "reason": "The operational store does not answer"})
    assert create_app(home.published, Access("none")).server.test_client().get("/healthz").status_code == 200
    home.store.rmdir()
    assert locked.get("/healthz").status_code == 200


def test_roles_are_those_that_the_matrix_tries() -> None:
    assert set(MAY) == {"none", *get_args(Role)}


# --- rules


def test_a_steward_proposes_a_change_of_a_rule_that_another_one_approves(app: Dash, store: Store) -> None:
    path = "/steward/rules?dataset=grid_disputes"
    clients = {role: app.server.test_client() for role in ("analyst", "steward", "administrator")}
    for role, client in clients.items():
        assert sign_in(client, role).status_code == 303

    def send(role: str, **values: str) -> int:
        client = clients[role]
        return client.post(path, data={"token": token_of(client), **values}, headers={"Origin": HERE}).status_code

    draft = {"to": "propose", "dataset": "grid_disputes", "rule": "deaths.range", "maximum": "50", "first_month": "2026-07"}
    assert send("analyst", **draft, reason="核定") == 403
    assert clients["steward"].post(path, data={**draft, "reason": "核定"}, headers={"Origin": HERE}).status_code == 403  # no token
    assert send("steward", **draft) == 400  # no reason
    assert RuleChanges(store).all() == []
    assert send("steward", **draft, reason="核定") == 303
    (change,) = RuleChanges(store).all()
    assert (change.state, change.by.name, change.draft.content) == ("proposed", "steward", {"maximum": 50.0})
    own = clients["steward"].get(path).text
    assert 'data-step="withdraw"' in own and 'data-step="approve"' not in own
    number = {"change": f"{change.change_id}"}
    assert send("steward", to="approve", **number) == 400
    assert 'data-step="approve"' in clients["administrator"].get(path).text
    assert send("administrator", to="approve", **number) == 303
    assert RuleChanges(store).change(change.change_id).is_in_force
    assert [(one["actor"], one["detail"]) for one in entries(store, action="rule_change")] == [
        ("administrator", "in_force"), ("steward", "proposed"),
    ]  # fmt: skip
    assert "上限 50" in clients["steward"].get(path).text and "maximum 50" in clients["steward"].get(f"{path}&lang=en").text
    assert send("steward", to="withdraw", note="恢复", **number) == 303
    assert send("steward", to="withdraw", note="恢复", change="99") == 404
    assert send("steward", to="x") == send("steward", to="withdraw", change="九") == 400
