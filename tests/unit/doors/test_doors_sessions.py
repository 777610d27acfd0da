"""Signing in and out, sessions, forms of other sites, links that work once, and what the audit log keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.account_store import SETUP, Accounts, web_session
from pipelines.accounts import Account
from pipelines.audit_log import audit_event, entries, verify_audit_log
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.doors import (
    BROWSER,
    CLI,
    HERE,
    SECRET,
    sign_in,
    token_of,
)
from tests.support.edition import build_edition


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
