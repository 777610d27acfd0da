"""The doors: every route and page that the application has, tried by every kind of visitor, in every way of asking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import get_args
from urllib.parse import unquote

import pytest
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.address import Page
from dashboards.doors import DOORS, PAGE_DOORS
from dashboards.security import CALLBACK_PATH
from pipelines.accounts import ROLES, Role
from tests.support.doors import (
    BROWSER,
    HERE,
    IDENTITIES,
    OTHER,
    OWN,
    call,
)

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


def test_roles_are_those_that_the_matrix_tries() -> None:
    assert set(MAY) == {"none", *get_args(Role)}


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
