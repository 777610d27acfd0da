"""Who is limited to an area, speaks for an agency or has a role sees and does what belongs to it: units, tasks, objections, rules."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
from dash import Dash
from flask.testing import FlaskClient

from dashboards.access import Access
from dashboards.server import create_app
from expectations.contract import AGENCY_WORDS
from pipelines.account_store import Accounts
from pipelines.accounts import ROLES, Account
from pipelines.actor import Actor
from pipelines.audit_log import entries
from pipelines.follow_up_edition import asking
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim, NamedRows
from pipelines.settings import Home
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.store import Slot, Store
from tests.support.doors import (
    AREA,
    BROWSER,
    CLI,
    HERE,
    OTHER,
    OWN,
    SECRET,
    call,
    contested_figure,
    missed_units,
    sign_in,
    task_about,
    token_of,
)
from tests.support.edition import build_edition


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
