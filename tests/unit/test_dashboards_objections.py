"""The pages of objections: from a figure to its contest and answer, then beside now, and that what people write stays text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.test import TestResponse

from dashboards.server import Site, create_app
from pipelines.actor import Actor
from pipelines.follow_up_edition import asking
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim, Contested, Step, due_after
from pipelines.settings import SHANGHAI, Home
from pipelines.store import Store
from tests.support.edition import SMALL, build_edition
from tests.support.forms import fields

HERE = "http://localhost"
UNIT = "610629001001@2016-01-01"
KPI = "dispute_handling_rate"
WANG = Actor("user", "wang")


@pytest.fixture
def objections(published: Path) -> Iterator[Objections]:
    store = Store.of(Home(published.parent))
    yield Objections(store)
    store.close()


@pytest.fixture
def contested(published: Path) -> Contested:
    with asking(Home(published.parent)) as ask:
        return contested_of(ask, subjects_of(ask, UNIT, KPI, "month", date(2026, 6, 1))[0])


def new_page(contested: Contested, **other: str) -> str:
    subject = contested.subject
    asked = {"unit": subject.unit_key, "kpi": subject.kpi_id, "target": subject.target_id, "period": "2026-06", **other}
    return "/objections/new?" + "&".join(f"{name}={value}" for name, value in asked.items())


def send(client: FlaskClient, path: str, values: dict[str, Any]) -> TestResponse:
    return client.post(path, data=values, headers={"Origin": HERE})


def contest(client: FlaskClient, contested: Contested, **typed: str) -> TestResponse:
    path = new_page(contested)
    return send(client, path, {**fields(client.get(path).text, "open"), "claim": "有两件已办结", **typed})


def take(client: FlaskClient, step: str, **typed: str) -> TestResponse:
    return send(client, "/objections/1", {**fields(client.get("/objections/1").text, step), **typed})


def test_a_figure_is_contested_answered_and_closed_by_forms(client: FlaskClient, contested: Contested, objections: Objections) -> None:
    answer = contest(client, contested)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/objections/1?period=2026-06")
    one = objections.objection(1)
    assert (one.claim.contested, one.claim.words, one.claim.rows) == (contested, "有两件已办结", ())
    assert one.claim.due == due_after(datetime.now(SHANGHAI).date())
    assert take(client, "answered", outcome="upheld", answer="已补登").status_code == 303
    page = client.get("/objections/1?lang=en").text
    assert "Answered (upheld)" in page and "已补登" in page and "When contested, and since" in page
    assert take(client, "closed").status_code == 303
    assert [event.state for event in objections.events(1)] == ["open", "answered", "closed"]
    assert "<form" not in client.get("/objections/1").text


def test_the_profile_and_the_kpi_lead_to_the_form_and_then_to_the_objection(
    client: FlaskClient, contested: Contested, objections: Objections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.desk.MOMENT", 0.0)
    pages = (f"/unit/{UNIT}?period=2026-06", f"/kpi/{KPI}?unit={UNIT}&period=2026-06")

    def led(page: str, way: str) -> list[str]:
        return [html.unescape(href) for href in re.findall(rf'href="(/objections/{way}[^"]*)"', client.get(page).text)]

    for page in pages:
        ways = led(page, "new")
        assert any(f"kpi={KPI}&target={contested.subject.target_id}" in href for href in ways)
        assert {client.get(href).status_code for href in ways} == {200}
    contest(client, contested)
    for page in pages:
        assert "异议 1 号 · 待答复" in client.get(page).text and led(page, "1")
        assert not any(f"kpi={KPI}&" in href for href in led(page, "new"))
    objections.step(1, Step("answered", "不属本期", "rejected"), WANG)
    for page in pages:
        assert "异议 1 号 · 已答复（不成立）" in client.get(page).text
        assert any(f"kpi={KPI}&" in href for href in led(page, "new"))
    objections.step(1, Step("closed"), WANG)
    assert "异议 1 号" not in client.get(pages[0]).text


def test_of_another_unit_or_period_pages_say_nothing(client: FlaskClient, contested: Contested) -> None:
    contest(client, contested)
    for page in (f"/unit/{UNIT}?period=2026-05", "/unit/610629001002@2016-01-01?period=2026-06", f"/unit/{UNIT}?period_type=quarter"):
        assert "异议 1 号" not in client.get(page).text


def test_a_page_that_was_kept_shows_a_new_objection(published: Path, contested: Contested, objections: Objections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.desk.MOMENT", 0.0)
    site = Site(published)
    before = site.send(f"/unit/{UNIT}", "?period=2026-06")
    assert site.send(f"/unit/{UNIT}", "?period=2026-06") == before
    objections.open(Claim(contested, "少计", date(2099, 1, 1)), WANG, date.today())
    assert site.send(f"/unit/{UNIT}", "?period=2026-06") != before


def test_figures_as_they_are_now_are_not_contested(tmp_path: Path) -> None:
    build_edition(tmp_path / "published", replace(SMALL, is_moved=True))
    client = create_app(tmp_path / "published").server.test_client()
    was, now = (client.get(f"/unit/{UNIT}?period=2026-03&unit_basis={basis}").text for basis in ("as_was", "as_now"))
    assert "/objections/new" in was and "/objections/new" not in now


def test_then_and_now_stand_side_by_side_once_the_edition_says_something_else(
    client: FlaskClient, contested: Contested, objections: Objections
) -> None:
    said = replace(contested.said, edition_id="20260601T000000-0000", numerator=Decimal(1), denominator=Decimal(8), value=12.5, status="missed")
    objections.open(Claim(replace(contested, said=said), "少计", date(2099, 1, 1)), WANG, date.today())
    gone = replace(contested, subject=replace(contested.subject, kpi_id="gone_rate", target_id=""))
    objections.open(Claim(gone, "另一项", date(2099, 1, 1)), WANG, date.today())
    page = client.get("/objections/1").text
    assert "12.5%" in page and "1 / 8" in page and "20260601T000000-0000" in page and "已变" in page
    assert f"{contested.said.numerator:.0f} / {contested.said.denominator:.0f}" in page and contested.said.edition_id in page
    assert "本版次没有这项数据" in client.get("/objections/2").text and "gone_rate" in client.get("/objections").text


def test_the_list_is_of_what_is_open_and_can_be_filtered(client: FlaskClient, contested: Contested, objections: Objections) -> None:
    assert "没有待答复的异议" in client.get("/objections").text
    late = Claim(contested, "一", date(2026, 1, 30))
    objections.open(late, WANG, date(2026, 1, 1))
    for month in (5, 4):
        other = replace(contested, subject=replace(contested.subject, period=date(2026, month, 1)))
        objections.open(Claim(other, "二", date(2099, 1, 1)), WANG, date.today())
    objections.step(3, Step("withdrawn"), WANG)

    def listed(query: str) -> list[str]:
        return re.findall('data-objection="([0-9]+)"', client.get(f"/objections{query}").text)

    assert listed("") == ["1", "2"] and listed("?state=all") == ["1", "2", "3"] and listed("?state=withdrawn") == ["3"]
    assert listed(f"?unit={UNIT}&agency={contested.owner_agency}") == ["1", "2"]
    assert listed("?unit=610629001002@2016-01-01") == listed("?agency=nobody") == listed("?state=answered") == []
    page = client.get("/objections?lang=en").text
    assert "2 waiting for an answer, 1 of them overdue" in page and "Overdue" in page


def test_rows_are_looked_up_before_an_objection_is_kept(client: FlaskClient, contested: Contested, objections: Objections) -> None:
    page = client.get(new_page(contested)).text
    assert "grid_610629001 grid_disputes 2026-06 12, 15-18" in page
    answer = contest(client, contested, rows="grid_610629001 grid_disputes 2026-06 12")
    assert answer.status_code == 400 and "该月没有有效批次" in answer.text
    assert fields(answer.text, "open")["rows"] == "grid_610629001 grid_disputes 2026-06 12"
    assert objections.all() == []


@pytest.mark.parametrize(
    "typed",
    [
        {"claim": ""}, {"claim": "长" * 1001}, {"claim": "已核实\n<b>610629199001011234</b>"}, {"claim": "a\u202eb"},
        {"rows": "王某 610629199001011234"}, {"rows": "<script>alert(1)</script>"},
    ],
)  # fmt: skip
def test_what_is_refused_stands_in_the_form_again(
    client: FlaskClient, contested: Contested, objections: Objections, typed: dict[str, str]
) -> None:
    answer = contest(client, contested, **typed)
    assert answer.status_code == 400 and 'role="alert"' in answer.text
    shown = fields(answer.text, "open")
    assert all(shown[name] == text for name, text in typed.items())
    assert "<b>6106" not in answer.text and "<script>alert" not in answer.text
    assert objections.all() == []


def test_what_people_write_is_text(client: FlaskClient, contested: Contested, objections: Objections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.desk.MOMENT", 0.0)
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
    contest(client, contested, claim=hostile)
    take(client, "answered", outcome="rejected", answer=hostile)
    assert objections.objection(1).claim.words == objections.objection(1).answer == hostile
    for path in ("/objections/1", "/objections"):
        page = client.get(path).text
        assert "<script" not in page and "<img" not in page
    assert client.get("/objections/1").text.count(str(escape(hostile))) == 4  # what it is, the answer, and both in its history
    assert "alert(2)" not in client.get(f"/unit/{UNIT}?period=2026-06").text


def test_of_two_who_contest_the_same_the_second_is_led_to_the_first(client: FlaskClient, contested: Contested, objections: Objections) -> None:
    before = fields(client.get(new_page(contested)).text, "open")
    contest(client, contested)
    again = send(client, new_page(contested), {**before, "claim": "同一数据"})
    assert (again.status_code, again.headers["Location"]) == (303, "/objections/1?period=2026-06")
    assert len(objections.all()) == 1
    assert "<form" not in client.get(new_page(contested)).text


def test_of_two_who_had_the_page_open_the_second_is_told(client: FlaskClient, contested: Contested, objections: Objections) -> None:
    contest(client, contested)
    before = fields(client.get("/objections/1").text, "withdrawn")
    assert take(client, "answered", outcome="upheld", answer="好").status_code == 303
    late = send(client, "/objections/1", before)
    assert late.status_code == 400 and "已被更新" in late.text
    assert objections.objection(1).state == "answered"


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/objections/1", {"to": "open", "seen": "1"}), ("/objections/1", {}), ("/objections/1", {"to": "answered", "seen": "x"}),
        ("/objections/1", {"to": "answered", "seen": "1", "answer": "好", "outcome": "maybe"}),
        ("/objections/1", {"to": "answered", "seen": "1", "answer": " ", "outcome": "upheld"}),
        ("/objections/1", {"to": "closed", "seen": "1"}),
        ("/objections/99", {"to": "withdrawn", "seen": "1"}), ("/objections/abc", {"to": "withdrawn", "seen": "1"}),
        ("/objections/new", {"to": "open", "claim": "x"}),
        ("/objections/new?unit=<script>&kpi=x&period=2026-06", {"to": "open", "claim": "x"}),
        ("/objections/new?unit=x&kpi=x&period=2026-06", {"to": "open", "claim": "x"}),
        ("/objections/new?unit=x&kpi=x&period=2026", {"to": "open", "claim": "x"}),
    ],
)  # fmt: skip
def test_malformed_requests_are_told_so(
    client: FlaskClient, contested: Contested, objections: Objections, path: str, values: dict[str, str]
) -> None:
    contest(client, contested)
    token = fields(client.get("/objections/1").text, "withdrawn")["token"]
    answer = send(client, path, {**values, "token": token})
    assert answer.status_code in (400, 404)
    assert "Traceback" not in answer.text and "<script>" not in answer.text
    assert [(one.state, one.events) for one in objections.all()] == [("open", 1)]


def test_a_request_that_no_form_of_this_machine_sent_changes_nothing(client: FlaskClient, contested: Contested, objections: Objections) -> None:
    values = {**fields(client.get(new_page(contested)).text, "open"), "claim": "x"}
    for sent, origin in (({**values, "token": "x"}, HERE), (values, "http://evil.example"), (values, "")):
        assert client.post(new_page(contested), data=sent, headers={"Origin": origin}).status_code == 403
    assert objections.all() == []


def test_within_the_application_of_dash_it_is_no_page(published: Path) -> None:
    shown = Site(published).show("/objections", "")
    assert "这个页面要单独打开" in json.dumps(shown.page, ensure_ascii=False)
