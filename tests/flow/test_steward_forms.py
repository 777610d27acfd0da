"""The steward's pages over a county that was really run: what they show, what their forms decide, and for whom they open."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import openpyxl
import polars as pl
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access import Access
from dashboards.address import parse
from dashboards.background import Background
from dashboards.edition import EditionReader
from dashboards.server import create_app
from dashboards.steward_desk import StewardDesk, WorkBench, narrowed, rows_of, steward_desk
from dashboards.visitor import Visitor
from pipelines.account_store import Accounts
from pipelines.accounts import Account, Role
from pipelines.actor import Actor
from pipelines.audit_log import entries
from pipelines.county import load_county
from pipelines.reading.header import CORRECTED_BATCH
from pipelines.settings import Home
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import Draft, Row
from pipelines.stewardship.open_rows import UNLINKED, open_rows
from pipelines.stewardship.preview import preview_decision
from pipelines.stewardship.row_states import with_states
from pipelines.stewardship.tickets import Tickets
from pipelines.store import Store
from tests.support.forms import fields

HERE = "http://localhost"
BROWSER = {"Accept": "text/html,*/*"}
SECRET = "correct horse battery"
CLI = Actor("system_user", "tester")
DUE = (date.today() + timedelta(days=10)).isoformat()
HOSTILE = "<script>alert(1)</script>据实"


@pytest.fixture
def home(published: Home, copy_of: Callable[[Home], Home]) -> Home:
    return copy_of(published)


@pytest.fixture
def client(home: Home) -> FlaskClient:
    made: FlaskClient = create_app(home.published).server.test_client()
    return made


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    store = Store.of(home)
    yield store
    store.close()


@pytest.fixture
def desk(home: Home) -> Iterator[StewardDesk]:
    edition, _ = EditionReader(home.published).current_or_last()
    with steward_desk(WorkBench(home), edition, Visitor(), parse("/steward", ""), read_only=True) as opened:
        yield opened


def path_of(row: dict[str, Any]) -> str:
    return f"/steward/row/{row['batch_id']}/{row['row_number']}"


def row_where(home: Home, store: Store, condition: pl.Expr) -> dict[str, Any]:
    found = open_rows(home, store).filter(condition)
    assert found.height
    return found.row(0, named=True)


def take_as_unlinked(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Has a row of the grid's list taken as one whose number cannot be used, of which the small county has none; the row."""
    row = row_where(home, store, pl.col("dataset") == "grid_residents")
    is_own = (pl.col("batch_id") == row["batch_id"]) & (pl.col("row_number") == row["row_number"])
    unlinked = pl.when(is_own).then(pl.concat_list(pl.lit(UNLINKED))).otherwise(pl.col("rules"))
    taken = open_rows(home, store).with_columns(rules=unlinked)
    monkeypatch.setattr("dashboards.steward_desk.open_rows", lambda _home, _store: taken)
    return row


def send(client: FlaskClient, path: str, step: str, **typed: str) -> TestResponse:
    """Opens a page, fills in one of its forms and sends it to where it leads."""
    page = client.get(path, headers=BROWSER).text
    form = re.search(rf'<form [^>]*data-step="{step}">', page)
    assert form, step
    action = re.search(' action="([^"]*)"', form[0])
    assert action
    return client.post(html.unescape(action[1]), data={**fields(page, step), **typed}, headers={"Origin": HERE})


# --- the work list ----------------------------------------------------------------------------------------------


def test_the_list_says_what_to_settle_first_and_leads_to_its_rows(client: FlaskClient, desk: StewardDesk) -> None:
    work, page = desk.work.list, client.get("/steward").text
    assert f"{work.rows.height:,} 行待处理，{work.verdicts.height:,} 项判定因此无法确定" in page
    first = work.bundles[0]
    assert f"{len(first.verdicts):,} 项判定即可确定" in re.findall("<h3>(.*?)</h3>", page)[0]
    for row in work.rows.filter(pl.col("row_id").is_in(list(first.rows))).iter_rows(named=True):
        assert path_of(row) in page
        assert client.get(path_of(row)).status_code == 200
    english = client.get("/steward?lang=en").text
    assert "Settle first" in english and 'lang="en"' in english


def test_tickets_are_listed_by_what_hangs_on_them(client: FlaskClient, desk: StewardDesk) -> None:
    hanging = desk.work.list.verdicts_by_ticket()
    listed = [int(number) for number in re.findall('<tr data-ticket="([0-9]+)"', client.get("/steward").text)]
    tickets = {one.ticket_id: one for one in desk.tickets.all()}
    counts = [hanging.get(tickets[number].subject, 0) for number in listed]
    assert counts == sorted(counts, reverse=True) and counts[0] > 0


def test_people_whom_nothing_links_are_listed_beside_the_tickets_and_told_apart(
    client: FlaskClient, home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "其中 1 项为未能关联的人员，不计为工单"
    assert told not in client.get("/steward?dataset=grid_residents").text
    take_as_unlinked(home, store, monkeypatch)
    page = client.get("/steward?dataset=grid_residents").text
    assert told in page and page.count(f'<tr data-ticket="{UNLINKED}"') == 1


@pytest.mark.parametrize("name", ["supplier", "dataset", "rule"])
def test_filters_leave_rows_and_what_these_alone_decide(desk: StewardDesk, name: str) -> None:
    work = desk.work.list
    row = work.rows.row(0, named=True)
    value = row["rules"][0] if name == "rule" else row[{"supplier": "supplier_id"}.get(name, name)]
    found = narrowed(work, parse("/steward", f"?{name}={value}"))
    assert 0 < found.rows.height < work.rows.height
    own = set(found.rows["row_id"])
    for step in found.bundles:
        assert set(step.rows) <= own
        needed = work.touches.filter(pl.col("verdict_id").is_in(list(step.verdicts)))["row_id"]
        assert set(needed) <= own


def test_a_unit_and_a_period_leave_the_rows_behind_its_verdicts(client: FlaskClient, desk: StewardDesk) -> None:
    work = desk.work.list
    verdict = work.verdicts.filter(unit_level="community").row(0, named=True)
    search = f"?unit={verdict['unit_code']}&period={verdict['period']:%Y-%m}"
    found = narrowed(work, parse("/steward", search))
    assert all(code.startswith(verdict["unit_code"]) for code in found.verdicts["unit_code"])
    assert set(found.verdicts["period"]) == {verdict["period"]}
    assert 0 < found.rows.height < work.rows.height
    assert found.verdicts.height == sum(len(step.verdicts) for step in found.bundles) or len(found.bundles) == 20
    page = client.get(f"/steward{search}").text
    assert f"{found.rows.height:,} 行待处理" in page and "看全部</a>" in page
    assert f"/steward?period={verdict['period']:%Y-%m}&amp;unit={verdict['unit_code']}" in client.get(
        f"/unit/{verdict['unit_key']}?period={verdict['period']:%Y-%m}"
    ).text


def test_a_period_of_another_kind_narrows_nothing(client: FlaskClient) -> None:
    every, other = (re.search("<h1.*?</h1>", client.get(f"/steward?period_type=ytd{more}").text) for more in ("", "&period=2020-01"))
    assert every and other and every[0] == other[0]


def test_the_list_is_worked_out_once_while_nothing_changes(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    bench = WorkBench(home)
    monkeypatch.setattr(bench, "_worked_out", lambda *given: calls.append(given))
    edition, _ = EditionReader(home.published).current_or_last()
    for _ in range(2):
        with steward_desk(bench, edition, Visitor(), parse("/steward", ""), read_only=True) as opened:
            opened.work  # noqa: B018
    assert len(calls) == 1
    row = open_rows(home, store).row(0, named=True)
    slot_row = Row(opened.row(row["batch_id"], row["row_number"]).row.slot, row["batch_id"], row["row_number"], "d")
    Decisions(store).make([Draft("reject", slot_row, "不属于本县")], CLI)
    with steward_desk(bench, edition, Visitor(), parse("/steward", ""), read_only=True) as opened:
        opened.work  # noqa: B018
    assert len(calls) == 2


@pytest.mark.parametrize(
    "address", ["/steward?state=x", "/steward?unit=%3Cb%3E", "/steward/ticket/99999", "/steward/row/aaaaaaaaaaaa/1", "/steward?period=2026"],
)  # fmt: skip
def test_what_is_not_there_says_so(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404 and "Traceback" not in answer.text


# --- a row ------------------------------------------------------------------------------------------------------


def test_a_row_shows_what_is_wrong_and_nothing_that_identifies(client: FlaskClient, home: Home, store: Store) -> None:
    row = row_where(home, store, (pl.col("dataset") == "household_persons") & pl.col("rules").list.contains("birth_date.out_of_range"))
    page = client.get(path_of(row)).text
    assert "******" in page and "class=\"doubted\"" in page
    assert not re.search(r"(?<![0-9a-f])[0-9]{17}[0-9Xx](?![0-9a-f])", page)
    assert "cell.id_number" not in page and "cell.name" not in page and "cell.birth_date" not in page
    assert "退回更正" in page and 'data-form="accept"' not in page


def test_verdicts_stand_with_bounds_and_how_many_rows_each_hangs_on(client: FlaskClient, desk: StewardDesk) -> None:
    work = desk.work.list
    row = work.rows.filter(pl.col("row_id") == work.bundles[0].rows[0]).row(0, named=True)
    page = client.get(path_of(row)).text
    section = page[page.index('id="verdicts"') :]
    assert "无法判定" in section and "–" in section and ("仅此一行" in section or " 行</div>" in section)


def test_a_rejected_row_leaves_the_list_until_it_is_withdrawn(client: FlaskClient, home: Home, store: Store) -> None:
    before = open_rows(home, store)
    row = before.row(0, named=True)
    answer = send(client, path_of(row), "reject", reason=HOSTILE)
    assert (answer.status_code, answer.headers["Location"]) == (303, path_of(row))
    page = client.get(path_of(row)).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;据实" in page and "<script>alert" not in page
    assert 'data-step="reject"' not in page and "已裁定，下次运行计入" in page
    listed = client.get("/steward").text
    assert f"{before.height - 1:,} 行待处理" in listed and "1 行已裁定" in listed
    assert send(client, path_of(row), "withdraw", reason="").status_code == 400
    assert send(client, path_of(row), "withdraw", reason="误操作").status_code == 303
    assert f"{before.height:,} 行待处理" in client.get("/steward").text
    assert 'data-step="reject"' in client.get(path_of(row)).text


def test_what_a_decision_changes_is_computed_beside_and_shown_with_bounds_before_and_after(
    client: FlaskClient, home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = row_where(home, store, pl.col("rules") == ["community_code.format"])
    send(client, path_of(row), "reject", reason="不属于本县")
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(Background, "start", lambda _, *arguments: started.append(arguments))
    assert send(client, path_of(row), "preview").status_code == 303
    assert started == [("steward", "preview", "1", "--json")]
    assert "对照" not in client.get(path_of(row)).text
    found = preview_decision(home, load_county(home.county_file), store, 1)
    page = client.get(path_of(row)).text
    assert f"{found.figures.height} 项指标值因此而变（对照 {found.edition_id}）" in page
    first = found.figures.row(0, named=True)
    low, high = (f"{first[name]:.2f}" if first[name] is not None else "–" for name in ("value_low", "value_high"))
    assert f"（{low}–{high}）" in page
    assert client.post("/steward/decisions/99", data={**fields(page, "preview")}, headers={"Origin": HERE}).status_code == 400


def test_only_cells_that_were_changed_are_corrected(client: FlaskClient, home: Home, store: Store) -> None:
    row = row_where(home, store, pl.col("rules").list.contains("community_code.format"))
    path = path_of(row)
    refused = send(client, path, "correct", reason="据实")
    assert refused.status_code == 400 and "不能这样更正" in refused.text and "据实" in refused.text
    assert send(client, path, "correct", reason="据实", **{"cell.community_code": "610629001001"}).status_code == 303
    (made,) = Decisions(store).all()
    assert dict(made.draft.content) == {"cells": {"community_code": "610629001001"}}


def test_no_form_corrects_what_identifies(client: FlaskClient, home: Home, store: Store) -> None:
    row = row_where(home, store, pl.col("dataset") == "household_persons")
    refused = send(client, path_of(row), "correct", reason="据实", **{"cell.name": "某某"})
    assert refused.status_code == 400 and "识别个人" in refused.text
    assert Decisions(store).all() == []


def test_a_repeated_row_is_compared_and_merged(client: FlaskClient, home: Home, store: Store) -> None:
    row = row_where(home, store, pl.col("rules").list.contains("key.unique"))
    page = client.get(path_of(row)).text
    assert re.search('data-form="merge"[^>]*open|open[^>]*data-form="merge"', page)
    assert send(client, path_of(row), "merge", reason="重复", into="999999").status_code == 400
    assert send(client, path_of(row), "merge", reason="重复").status_code == 303
    assert Decisions(store).all()[0].draft.kind == "merge"


def test_a_malformed_form_changes_nothing(client: FlaskClient, home: Home, store: Store) -> None:
    row = open_rows(home, store).row(0, named=True)
    for typed in ({"to": "x"}, {"due": "soon"}, {"due": "2020-01-01"}, {"reason": "证件 61062919900101123X"}):
        assert send(client, path_of(row), "send_back", **{"reason": "请核对", "due": DUE, **typed}).status_code == 400
    assert Decisions(store).all() == []


def test_what_was_decided_on_equal_content_elsewhere_holds_for_the_row(desk: StewardDesk) -> None:
    rows = desk.work.list.rows.drop("state", "row_id")
    row = rows.row(0, named=True)
    view = desk.row(row["batch_id"], row["row_number"]).row
    decisions = Decisions(desk.store)
    for kind, state in (("send_back", "sent_back"), ("reject", "decided")):
        elsewhere = Row(view.slot, "b" * 24, 1, view.digest)
        (number,) = Decisions(store := Store.of(desk.home)).make([Draft(kind, elsewhere, "请核对")], CLI)  # type: ignore[arg-type]
        store.close()
        found = with_states(desk.home, rows, decisions.all())
        assert found.filter(pl.col("state") != "open").select("batch_id", "state").rows() == [(row["batch_id"], state)]
        assert number


def test_a_row_that_was_accepted_is_open_again_where_it_breaks_another_rule(desk: StewardDesk) -> None:
    rows = desk.work.list.rows.drop("state", "row_id")
    row = rows.row(0, named=True)
    view = desk.row(row["batch_id"], row["row_number"]).row
    store = Store.of(desk.home)
    for rules, states in (({"deaths.range": 1}, []), (dict.fromkeys(row["rules"], 1), ["decided"])):
        (number,) = Decisions(store, two_persons=False).make([Draft("accept", view, "属实", {"rules": rules})], CLI)
        found = with_states(desk.home, rows, Decisions(store).all())
        assert found.filter(pl.col("state") != "open")["state"].to_list() == states
        Decisions(store).withdraw(number, CLI, "另行裁定")
    store.close()


def test_an_uncertain_link_is_confirmed_or_refused(
    client: FlaskClient, home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = take_as_unlinked(home, store, monkeypatch)
    entry = row_where(home, store, pl.col("dataset") == "household_persons")
    listed = pl.read_parquet(home.control / "links_for_review.parquet")
    pair = {
        "batch_id": row["batch_id"], "row_number": row["row_number"], "list": "household_persons",
        "entry_batch_id": entry["batch_id"], "entry_row_number": entry["row_number"], "probability": 0.6, "reason": "unlikely",
    }  # fmt: skip
    pl.DataFrame([pair], listed.schema).write_parquet(home.control / "links_for_review.parquet")
    page = client.get(path_of(row)).text
    assert "相似度 60%" in page and path_of(entry) in page
    assert send(client, path_of(row), "same_person", reason="据实", pair="x/1").status_code == 400
    assert send(client, path_of(row), "other_person", reason="不是同一人").status_code == 303
    assert 'data-form="same_person"' in client.get(path_of(row)).text  # it may still be of another person
    refused = Decisions(store).all()[0]
    assert (refused.draft.kind, refused.draft.content["entry"]["row_number"]) == ("other_person", entry["row_number"])
    Decisions(store).withdraw(refused.decision_id, CLI, "误操作")
    assert send(client, path_of(row), "same_person", reason="据实").status_code == 303
    assert "已裁定，下次运行计入" in client.get(path_of(row)).text


# --- tickets ----------------------------------------------------------------------------------------------------


def test_a_ticket_is_assigned_noted_sent_back_and_its_sheets_downloaded(client: FlaskClient, home: Home, store: Store) -> None:
    row = row_where(home, store, pl.col("rules").list.contains("key.unique"))
    ticket = next(one for one in Tickets(store).all() if (one.subject.supplier_id, one.subject.dataset, one.subject.rule_id) == (row["supplier_id"], row["dataset"], "key.unique"))
    path = f"/steward/ticket/{ticket.ticket_id}"
    assert send(client, path, "assign", assignee="王工", due=DUE, note=HOSTILE).status_code == 303
    assert send(client, path, "assign", assignee="", due=DUE).status_code == 400
    assert send(client, path, "note", note="已电话联系").status_code == 303
    page = client.get(path).text
    assert "王工" in page and DUE in page and "已电话联系" in page and "<script>alert" not in page
    assert f'data-ticket="{ticket.ticket_id}"' in client.get("/steward", query_string={"assignee": "王工"}).text
    assert 'data-ticket="' not in client.get("/steward", query_string={"assignee": "李工"}).text
    assert send(client, path, "send_all", reason="请整行重报", due=DUE).status_code == 303
    made = Decisions(store).all()
    assert {one.draft.kind for one in made} == {"send_back"} and len(made) == ticket.rows
    page = client.get(path).text
    assert "已退回" in page and 'data-step="send_all"' not in page
    sheet = client.get(f"{path}/{row['period']:%Y-%m}.xlsx")
    assert sheet.status_code == 200 and "attachment" in sheet.headers["Content-Disposition"]
    cells = [cell.value for line in openpyxl.load_workbook(io.BytesIO(sheet.data)).active.iter_rows() for cell in line]
    assert CORRECTED_BATCH in cells and row["batch_id"] in cells
    assert client.get(f"{path}/2020-01.xlsx").status_code == client.get(f"{path}/x.xlsx").status_code == 404


def test_closed_tickets_are_found_by_their_state(client: FlaskClient, store: Store) -> None:
    ticket = Tickets(store).all()[0]
    Tickets(store).reconcile({one.subject: one.rows for one in Tickets(store).all()[1:]}, Actor("run", "r2"))
    assert f'data-ticket="{ticket.ticket_id}"' not in client.get("/steward").text
    assert f'data-ticket="{ticket.ticket_id}"' in client.get("/steward?state=closed").text
    assert "已消除" in client.get(f"/steward/ticket/{ticket.ticket_id}").text


# --- doors ------------------------------------------------------------------------------------------------------


def signed_in(home: Home, **roles: Role) -> dict[str, FlaskClient]:
    """Browsers of users who have signed in, by name."""
    store = Store.of(home)
    for name, role in roles.items():
        Accounts(store).add(Account(name, f"{name}甲", role, "610629001001" if role == "supplier" else ""), CLI)
        Accounts(store).set_password(name, SECRET, CLI)
    store.close()
    app = create_app(home.published, Access("sign-in"))
    browsers = {name: app.server.test_client() for name in roles}
    for name, browser in browsers.items():
        assert browser.post("/sign-in", data={"name": name, "password": SECRET}, headers={"Origin": HERE}).status_code == 303
    return browsers


def test_what_lets_a_row_count_is_approved_by_somebody_else(home: Home, store: Store) -> None:
    browsers = signed_in(home, li="steward", wang="steward")
    row = row_where(home, store, pl.col("rules").list.eval(pl.element().is_in(["ended_after_begun", "begun_by_period_end", "cancelled_after_registered"])).list.all())
    assert send(browsers["li"], path_of(row), "accept", reason="查阅原始凭证属实").status_code == 303
    own = browsers["li"].get("/steward/decisions", headers=BROWSER).text
    assert "1 项裁定待复核" in own and "须由另一名数据管理员复核" in own and 'data-step="approve"' not in own
    forced = browsers["li"].post(
        "/steward/decisions/1", data={**fields(own, "withdraw"), "to": "approve", "at": "decisions"}, headers={"Origin": HERE}
    )
    assert forced.status_code == 400 and "不能复核自己的裁定" in forced.text
    assert send(browsers["wang"], "/steward/decisions", "refuse", reason=" ").status_code == 400
    assert send(browsers["wang"], "/steward/decisions", "approve").status_code == 303
    (decision,) = Decisions(store).all()
    assert (decision.state, decision.by, decision.settled_by) == ("in_force", Actor("user", "li"), Actor("user", "wang"))
    page = browsers["wang"].get("/steward/decisions?decided=in_force&kind=accept&lang=en", headers=BROWSER).text
    assert "查阅原始凭证属实" in page and "wang" in page
    assert 'data-decision="1"' not in browsers["wang"].get("/steward/decisions?decided=refused", headers=BROWSER).text


def test_who_opened_a_row_is_written_down_without_what_it_says(home: Home, store: Store) -> None:
    browser = signed_in(home, li="steward")["li"]
    row = row_where(home, store, pl.col("dataset") == "household_persons")
    assert browser.get(path_of(row), headers=BROWSER).status_code == 200
    (seen,) = entries(store, action="row_viewed")
    assert (seen["actor"], seen["subject"], seen["detail"]) == ("li", path_of(row), "")
    send(browser, path_of(row), "reject", reason="不属于本县")
    assert [(one["actor"], one["detail"]) for one in entries(store, action="decision")] == [("li", "in_force")]


@pytest.mark.parametrize("role", ["leader", "analyst", "supplier"])
def test_others_see_and_change_nothing_here(home: Home, store: Store, role: Role) -> None:
    browser = signed_in(home, other=role)["other"]
    row = open_rows(home, store).row(0, named=True)
    for path in ("/steward", "/steward/decisions", "/steward/ticket/1", path_of(row), "/steward/ticket/1/2026-06.xlsx"):
        assert browser.get(path, headers=BROWSER).status_code == 403
    for path in ("/steward/decisions/1", "/steward/ticket/1", path_of(row)):
        assert browser.post(path, data={"to": "reject", "reason": "x"}, headers={"Origin": HERE}).status_code == 403
    assert Decisions(store).all() == []


def test_every_row_of_a_ticket_is_in_its_list(desk: StewardDesk) -> None:
    for ticket in desk.tickets.all()[:20]:
        rows = rows_of(desk.work.list, ticket.subject)
        assert rows.height == ticket.rows
