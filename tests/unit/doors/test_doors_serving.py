"""What is served how: safe and unsafe settings, behind a proxy, with secrets that others can read, and without sign-in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from dashboards.access import Access, UnsafeAccess, require_safe
from dashboards.server import create_app, serve
from pipelines.account_store import Accounts
from pipelines.actor import Actor
from pipelines.follow_up_store import FollowUp
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.doors import (
    BROWSER,
    CLI,
    missed_units,
    task_about,
)
from tests.support.edition import build_edition


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
