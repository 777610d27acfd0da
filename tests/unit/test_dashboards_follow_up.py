"""The pages of follow-up: what they show, who may write, and that what people write stays text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.test import TestResponse

from dashboards import html as components
from dashboards.edition import EditionReader
from dashboards.facts import Facts
from dashboards.html import element
from dashboards.html_pages import field
from dashboards.markup import markup
from dashboards.pages.follow_up_pieces import bare_ratio, ratio
from dashboards.server import Site
from pipelines.actor import Actor
from pipelines.follow_up import Key, Task
from pipelines.follow_up_edition import flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.doors import confirmed_misses
from tests.support.forms import fields

HERE = "http://localhost"
DUE = (date.today() + timedelta(days=30)).isoformat()
Missed = dict[str, str]


@pytest.fixture
def missed(published: Path) -> list[Missed]:
    """Confirmed misses of communities in June: unit, KPI and target."""
    found = confirmed_misses(published)
    assert len(found) > 2
    return found


@pytest.fixture
def tasks(published: Path) -> Iterator[FollowUp]:
    store = Store.of(Home(published.parent))
    yield FollowUp(store)
    store.close()


def new_page(one: Missed) -> str:
    return f"/follow-up/new?unit={one['unit_key']}&kpi={one['kpi_id']}&target={one['target_id']}&period=2026-06"


def send(client: FlaskClient, path: str, values: dict[str, Any], **headers: str) -> TestResponse:
    return client.post(path, data=values, headers={"Origin": HERE, **headers})


def assign(client: FlaskClient, one: Missed, **typed: str) -> TestResponse:
    values = fields(client.get(new_page(one)).text, "assigned")
    return send(client, new_page(one), {**values, "due": DUE, "instructions": "限期整改", **typed})


def test_a_missed_target_is_assigned_and_worked_on_by_forms(
    client: FlaskClient, missed: list[Missed], tasks: FollowUp
) -> None:
    answer = assign(client, missed[0], assignee="社区科")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/follow-up/1?period=2026-06")
    task = tasks.task(1)
    assert vars(task.flag.key) == missed[0]
    assert (task.state, str(task.due), task.assignee) == ("assigned", DUE, "社区科")
    page = client.get("/follow-up/1").text
    assert send(client, "/follow-up/1", fields(page, "rectifying")).status_code == 303
    page = client.get("/follow-up/1").text
    assert "整改中" in page and "限期整改" in page
    values = {**fields(page, "answered"), "note": "已办结", "document": "洛民函〔2026〕8号"}
    assert send(client, "/follow-up/1", values).status_code == 303
    page = client.get("/follow-up/1?lang=en").text
    assert "Answered" in page and "洛民函〔2026〕8号" in page and "Send back" in page
    assert [event.state for event in tasks.events(1)] == ["found", "assigned", "rectifying", "answered"]
    assert {event.actor.kind for event in tasks.events(1)} == {"system_user"}


def test_the_list_shows_figures_as_every_page_prints_them_and_can_be_filtered(
    client: FlaskClient, missed: list[Missed], tasks: FollowUp
) -> None:
    assert "没有未销号的督办" in client.get("/follow-up").text
    for one in missed[:2]:
        assign(client, one)
    page = client.get("/follow-up").text
    assert "2 项未销号" in page
    assert re.findall('data-task="([0-9]+)"', page) == ["2", "1"]
    agency = tasks.task(1).flag.owner_agency
    assert 'data-task="1"' in client.get(f"/follow-up?agency={agency}").text
    assert 'data-task="1"' not in client.get("/follow-up?state=answered").text
    street = tasks.task(1).flag.unit_code[:9]
    assert 'data-task="1"' in client.get(f"/follow-up?area={street}&state=assigned&lang=en").text
    assert client.get("/follow-up?area=%3Cscript%3E").status_code == 404


def test_of_very_many_tasks_the_most_urgent_are_listed(
    client: FlaskClient, missed: list[Missed], monkeypatch: pytest.MonkeyPatch
) -> None:
    assign(client, missed[0])
    assign(client, missed[1], due=(date.today() + timedelta(days=99)).isoformat())
    monkeypatch.setattr("dashboards.pages.follow_up.MOST_LISTED", 1)
    page = client.get("/follow-up?lang=en").text
    assert re.findall('data-task="([0-9]+)"', page) == ["1"]
    assert "the 1 most urgent of 2" in page and "2 open" in page


def test_a_target_that_is_followed_up_leads_to_its_task(client: FlaskClient, missed: list[Missed], tasks: FollowUp) -> None:
    before = fields(client.get(new_page(missed[0])).text, "assigned")
    assign(client, missed[0])
    page = client.get(new_page(missed[0])).text
    assert "已在督办中：第 1 号" in page and "<form" not in page
    again = send(client, new_page(missed[0]), {**before, "due": DUE, "instructions": "再来一次"})
    assert (again.status_code, again.headers["Location"]) == (303, "/follow-up/1?period=2026-06")
    assert len(tasks.tasks()) == 1


def test_the_unit_page_leads_to_the_form_where_a_target_is_missed(client: FlaskClient, missed: list[Missed]) -> None:
    shown = client.get(f"/unit/{missed[0]['unit_key']}").text
    hrefs = [html.unescape(href) for href in re.findall(r'href="(/follow-up/new[^"]*)"', shown)]
    assert hrefs
    for href in hrefs:
        assert client.get(href).status_code == 200
    assert any(f"kpi={missed[0]['kpi_id']}" in href for href in hrefs)


REFUSED = {
    "another origin": ({}, {"Origin": "http://evil.example"}, {}),
    "no origin": ({}, {"Origin": ""}, {}),
    "an opaque origin": ({}, {"Origin": "null"}, {}),
    "another port": ({}, {"Origin": "http://localhost:9999"}, {}),
    "no token": ({"token": ""}, {}, {}),
    "another token": ({"token": "x" * 43}, {}, {}),
    "a token that is no ASCII": ({"token": "令牌"}, {}, {}),
    "another machine": ({}, {}, {"REMOTE_ADDR": "192.0.2.7"}),
    "an address that is none": ({}, {}, {"REMOTE_ADDR": ""}),
    "through a proxy": ({}, {"X-Forwarded-For": "192.0.2.7"}, {}),
    "through a proxy that says so": ({}, {"Forwarded": "for=192.0.2.7"}, {}),
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_request_that_no_form_of_this_machine_sent_changes_nothing(
    client: FlaskClient, missed: list[Missed], tasks: FollowUp, how: str
) -> None:
    values, headers, environment = REFUSED[how]
    form = fields(client.get(new_page(missed[0])).text, "assigned") | {"due": DUE, "instructions": "限期整改"}
    answer = client.post(
        new_page(missed[0]), data=form | values, headers={"Origin": HERE} | headers, environ_overrides=environment
    )
    assert answer.status_code == 403
    assert tasks.tasks() == []


def test_a_form_of_another_host_name_is_refused(client: FlaskClient, missed: list[Missed], tasks: FollowUp) -> None:
    form = fields(client.get(new_page(missed[0])).text, "assigned")
    answer = client.post(new_page(missed[0]), data=form, base_url="http://evil.example", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 400
    assert tasks.tasks() == []


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data"])
def test_a_body_that_is_no_form_changes_nothing(client: FlaskClient, tasks: FollowUp, kind: str) -> None:
    answer = client.post("/follow-up/new", data=b'{"to": "assigned"}', content_type=kind, headers={"Origin": HERE})
    assert answer.status_code in (400, 403)
    assert tasks.tasks() == []


def test_what_is_refused_stands_in_the_form_again(client: FlaskClient, missed: list[Missed], tasks: FollowUp) -> None:
    answer = assign(client, missed[0], instructions="已核实\n办理 <b>610629199001011234</b>")
    assert answer.status_code == 400
    assert "身份证件号码" in answer.text and 'role="alert"' in answer.text
    assert fields(answer.text, "assigned")["instructions"] == "已核实\n办理 <b>610629199001011234</b>"
    assert "<b>6106" not in answer.text
    assert tasks.tasks() == []
    assert assign(client, missed[0], due="2020-01-01").status_code == 400
    assert assign(client, missed[0], due="soon").status_code == 400
    assert assign(client, missed[0], instructions="长" * 1001).status_code == 400
    assert tasks.tasks() == []


def test_of_two_who_had_the_page_open_the_second_is_told(client: FlaskClient, missed: list[Missed], tasks: FollowUp) -> None:
    assign(client, missed[0])
    page = client.get("/follow-up/1").text
    assert send(client, "/follow-up/1", fields(page, "rectifying")).status_code == 303
    late = send(client, "/follow-up/1", {**fields(page, "withdrawn"), "note": "重复"})
    assert late.status_code == 400 and "已被更新" in late.text
    assert tasks.task(1).state == "rectifying"


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/follow-up/1", {"to": "closed", "seen": "2"}), ("/follow-up/1", {"to": "found", "seen": "2"}),
        ("/follow-up/1", {"to": "answered", "seen": "x", "note": "好"}), ("/follow-up/1", {}),
        ("/follow-up/99", {"to": "withdrawn", "seen": "1", "note": "x"}),
        ("/follow-up/abc", {"to": "withdrawn", "seen": "1", "note": "x"}),
        ("/follow-up/new", {"to": "assigned", "due": DUE}),
        ("/follow-up/new?unit=<script>&kpi=x&target=x", {"to": "assigned", "due": DUE}),
        ("/follow-up/new?unit=x&kpi=x&target=x&period=2026", {"to": "assigned", "due": DUE}),
        ("/follow-up/new?unit=x&kpi=x&target=x&period_type=week", {"to": "assigned", "due": DUE}),
    ],
)  # fmt: skip
def test_malformed_requests_are_told_so(
    client: FlaskClient, missed: list[Missed], tasks: FollowUp, path: str, values: dict[str, str]
) -> None:
    assign(client, missed[0])
    token = fields(client.get("/follow-up/1").text, "rectifying")["token"]
    answer = send(client, path, {**values, "token": token})
    assert answer.status_code in (400, 404)
    assert "Traceback" not in answer.text and "<script>" not in answer.text
    assert [task.state for task in tasks.tasks()] == ["assigned"]


@pytest.mark.parametrize("path", ["/follow-up/99", "/follow-up/abc", "/follow-up/new", "/follow-up/1/2", "/follow-up/new?unit=x&kpi=y&target=z"])
def test_an_address_that_names_no_task_says_so(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert "Traceback" not in answer.text
    assert answer.status_code == 404 or "react-entry-point" in answer.text  # the pages' own page says that there is none


def test_what_people_write_is_text(client: FlaskClient, missed: list[Missed], tasks: FollowUp) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
    assign(client, missed[0], instructions=hostile, assignee="<b>")
    assert tasks.events(1)[-1].instructions == hostile
    for path in ("/follow-up/1", "/follow-up"):
        page = client.get(path).text
        assert "<script" not in page and "<img" not in page and "<b></div>" not in page
    assert str(escape(hostile)) in client.get("/follow-up/1").text


def test_pages_of_follow_up_carry_the_headers_and_are_kept_nowhere(client: FlaskClient) -> None:
    headers = client.get("/follow-up").headers
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"


def test_only_pages_with_forms_take_posts_and_dash_itself(client: FlaskClient) -> None:
    taking = {str(rule) for rule in client.application.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {path for path in taking if not path.startswith("/_dash")} == {
        "/alerts", "/follow-up/<view>", "/objections/<view>", "/steward/rules", "/steward/ticket/<int:ticket>",
        "/steward/row/<batch>/<int:number>", "/steward/decisions/<int:decision>",
    }  # fmt: skip


def test_a_task_whose_target_the_edition_knows_no_more_is_still_shown(
    published: Path, client: FlaskClient, missed: list[Missed], tasks: FollowUp
) -> None:
    assign(client, missed[0])
    task: Task = tasks.task(1)
    store = Store.of(Home(published.parent))
    FollowUp(store).open(replace(task.flag, key=Key("gone@2020-01-01", "gone_rate", "X-1")), Actor("system_user", "w"), date.today())
    store.close()
    page = client.get("/follow-up/2").text
    assert "gone_rate" in page and "本版次不再评价这个目标" in page
    assert "X-1" in client.get("/follow-up").text


def test_of_few_people_in_a_grid_follow_up_tells_the_verdict_alone(published: Path, missed: list[Missed]) -> None:
    edition = EditionReader(published).current()
    one = missed[0]
    flag = flag_of(edition.frame, Key(one["unit_key"], one["kpi_id"], one["target_id"]), "month", date(2026, 6, 1))
    withheld = replace(flag.figure, numerator=None, denominator=None, shortfall=None)
    assert withheld.is_withheld and not flag.figure.is_withheld
    assert not replace(withheld, status="no_data").is_withheld
    assert ratio(Facts(edition), flag, withheld, "zh") == "–（不足 10 人，不显示）"
    assert bare_ratio(withheld) == "–"


def test_within_the_application_of_dash_it_is_no_page(published: Path) -> None:
    shown = Site(published).show("/follow-up", "")
    assert "这个页面要单独打开" in json.dumps(shown.page, ensure_ascii=False)


def test_components_are_written_as_html() -> None:
    piece = components.Div(
        [element("td", components.A("a & b", href="/?x=1&y=\"2\"")), field("text", "n", required=True, disabled=False, maxLength=3), None, 3],
        className="c", style={"flexGrow": 2}, tabIndex=0, **{"data-x": "<"},
    )  # fmt: skip
    assert markup(piece) == (
        '<div class="c" style="flex-grow:2" tabindex="0" data-x="&lt;"><td><a href="/?x=1&amp;y=&#34;2&#34;">a &amp; b</a></td>'
        '<input type="text" name="n" required maxlength="3">3</div>'
    )
