"""Alerts on the pages: who sees which, and who takes them up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.alert_store import Alerts
from pipelines.alerts import Cause
from pipelines.audit_log import entries
from pipelines.errors import Words
from pipelines.store import Store
from tests.support.doors import (
    AREA,
    BROWSER,
    HERE,
    sign_in,
    token_of,
)
from tests.support.edition import build_edition

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
