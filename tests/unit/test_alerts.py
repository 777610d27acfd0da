"""Alerts as they are kept, who is told of them, and the outbox: told once, again where it got worse, and until it was taken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.alert_audience import Audience, Recipient
from pipelines.alert_causes import FINDERS, Look
from pipelines.alert_settings import AlertSettings, Mail, Webhook
from pipelines.alert_store import LONGEST_WAIT, Alerts, Box, Claim, NoSuchAlert, Outbox
from pipelines.alert_watch import check
from pipelines.alerts import Alert, Cause, worst_first
from pipelines.audit_log import entries
from pipelines.county import County
from pipelines.errors import Words
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.clock import Time

CLI = Actor("system_user", "tester")
MISSING = Cause("delivery_missing", "grid_610629101/2026-01", Words("缺报 3 项", "3 missing"), "2026-02-05", ("610629101",), "grid_610629101", 3)
FAILED = Cause("run_failed", "r1", Words("运行失败", "The run failed"), "2026-02-11T08:00:00+00:00", ("610629",))
ANNA, BOX = Box("mail", "user:anna"), Box("webhook", "desk")


@pytest.fixture
def time() -> Time:
    """A Monday noon in China."""
    return Time(datetime(2026, 2, 9, 4, tzinfo=UTC))


@pytest.fixture
def alerts(store: Store, time: Time) -> Alerts:
    return Alerts(store, time)


@pytest.fixture
def outbox(store: Store, time: Time) -> Outbox:
    return Outbox(store, time)


def settle(alerts: Alerts, *causes: Cause) -> Any:
    return alerts.settle(causes, list(FINDERS))


# --- alerts -------------------------------------------------------------------------------------------------


def test_a_cause_raises_one_alert_however_often_it_is_found(alerts: Alerts, time: Time) -> None:
    assert settle(alerts, MISSING, FAILED).raised == [1, 2]
    before = alerts.all()
    time.passes(days=1)
    assert settle(alerts, MISSING, FAILED) == settle(alerts, FAILED, MISSING)
    assert alerts.all() == before
    assert {one.cause for one in before} == {MISSING, FAILED}


def test_of_many_who_look_and_send_at_once_one_raises_and_one_sends(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    with ThreadPoolExecutor(8) as pool:
        settled = list(pool.map(lambda _: settle(alerts, MISSING, FAILED), range(16)))
        planned = list(pool.map(lambda _: plan(alerts, outbox, time, ANNA, BOX), range(16)))
        claims = list(pool.map(lambda _: outbox.claim(), range(16)))
    assert sorted(len(one.raised) for one in settled) == [0] * 15 + [2]
    assert sorted(planned) == [0] * 15 + [4]
    assert sorted(len(one) for one in claims) == [0] * 15 + [2]


def test_an_alert_ends_with_its_cause_and_a_later_one_is_another(alerts: Alerts, time: Time) -> None:
    settle(alerts, MISSING, FAILED)
    time.passes(hours=1)
    assert settle(alerts, FAILED).resolved == [1]
    ended = alerts.get(1)
    assert not ended.is_open and ended.resolved_at == time.moment.isoformat(timespec="microseconds")
    assert [one.number for one in alerts.all(is_open=True)] == [2]
    assert settle(alerts, MISSING, FAILED).raised == [3]
    assert alerts.get(1) == ended


def test_what_was_not_looked_at_stays_as_it_is(alerts: Alerts) -> None:
    settle(alerts, MISSING, FAILED)
    assert alerts.settle([], ["run_failed"]).resolved == [2]
    assert alerts.get(1).is_open


def test_only_what_got_worse_has_to_be_taken_up_again(alerts: Alerts, time: Time) -> None:
    settle(alerts, MISSING)
    alerts.acknowledge(1, CLI)
    time.passes(hours=1)
    better = replace(MISSING, weight=1, said=Words("缺报 1 项", "1 missing"))
    assert settle(alerts, better) == settle(alerts, better)
    kept = alerts.get(1)
    assert (kept.cause, kept.acknowledged_by, kept.changed_at) == (better, "tester", kept.raised_at)
    assert settle(alerts, MISSING).worse == [1]
    kept = alerts.get(1)
    assert (kept.cause, kept.acknowledged_by) == (MISSING, None) and kept.changed_at > kept.raised_at


def test_an_alert_is_taken_up_once_and_the_audit_log_knows_by_whom(alerts: Alerts, store: Store) -> None:
    settle(alerts, MISSING)
    alerts.acknowledge(1, Actor("user", "anna"), "127.0.0.1")
    alerts.acknowledge(1, CLI)
    assert alerts.get(1).acknowledged_by == "anna"
    (entry,) = entries(store, action="acknowledge")
    assert (entry["actor"], entry["subject"], entry["detail"], entry["address"]) == ("anna", "1", "delivery_missing", "127.0.0.1")
    settle(alerts)
    for number in (1, 7):
        with pytest.raises(NoSuchAlert):
            alerts.acknowledge(number, CLI)


def test_the_worst_come_first(alerts: Alerts) -> None:
    light = replace(MISSING, subject="grid_610629102/2026-01", weight=1)
    settle(alerts, light, MISSING, FAILED)
    assert [one.cause for one in worst_first(alerts.all())] == [FAILED, MISSING, light]
    alerts.acknowledge(2, CLI)
    assert [one.cause for one in worst_first(alerts.all())] == [FAILED, light, MISSING]


# --- who is told --------------------------------------------------------------------------------------------

PEOPLE = (
    Account("boss", "管理员", "administrator"), Account("li", "领导甲", "leader"), Account("stew", "数据员", "steward"),
    Account("stew2", "数据员乙", "steward", "610629102"), Account("grid1", "网格甲", "supplier", "610629101"),
    Account("grid2", "网格乙", "supplier", "610629102"), Account("village", "社区丙", "supplier", "610629101001"),
)  # fmt: skip


def told(county: County, cause: Cause, accounts: tuple[Account, ...] = PEOPLE, **settings: Any) -> set[str]:
    county = county.model_copy(update={"alerts": AlertSettings.model_validate(settings)})
    return {one.name for one in Audience(county, accounts).readers(cause)}


def test_roles_are_told_of_what_lies_in_their_area(county: County) -> None:
    people = (*PEOPLE, Account("ana", "分析", "analyst"))
    assert told(county, MISSING, people) == {"stew", "grid1"}
    assert told(county, FAILED, people) == {"boss", "stew"}
    assert told(county, replace(FAILED, kind="new_flags"), people) == {"li", "stew", "ana"}


def test_the_county_may_route_a_kind_to_roles_and_persons(county: County) -> None:
    routes = {"delivery_missing": ["leader", "village", "grid2"]}
    assert told(county, MISSING, routes=routes) == {"li"}  # neither has it in the area
    whole = replace(MISSING, areas=("610629101001", "610629102"))
    assert told(county, whole, routes=routes) == {"li", "village", "grid2"}


def test_a_supplier_may_name_its_contacts(county: County) -> None:
    suppliers = tuple(
        one.model_copy(update={"contacts": ("grid9",)}) if one.id == "grid_610629101" else one for one in county.suppliers
    )
    people = (*PEOPLE, Account("grid9", "网格己", "supplier", "610629101"))
    assert told(county, MISSING, people) == {"stew", "grid1", "grid9"}
    assert told(county.model_copy(update={"suppliers": suppliers}), MISSING, people) == {"stew", "grid9"}


def test_of_what_an_agency_owes_its_users_are_told_and_stewards(county: County) -> None:
    owed = Cause("objection_overdue", "3", Words("异议 3 逾期", "Objection 3"), "2026-02-05", ("610629101001",), agency="police")
    people = (
        *PEOPLE, Account("police", "民警", "supplier", "610629", agency="police"),
        Account("civil", "民政", "supplier", "610629", agency="civil_affairs"),
        Account("police2", "民警乙", "supplier", "610629102", agency="police"),
    )  # fmt: skip
    assert told(county, owed, people) == {"stew", "police"}
    assert told(county, owed, people, routes={"objection_overdue": ["leader", "civil"]}) == {"li", "civil"}


def test_an_alert_is_kept_with_the_agency_that_owes(alerts: Alerts) -> None:
    owed = Cause("objection_overdue", "3", Words("异议 3 逾期", "Objection 3"), "2026-02-05", ("610629101001",), agency="police")
    settle(alerts, owed)
    assert alerts.get(1).cause == owed


def test_administrators_are_told_for_a_role_that_nobody_has(county: County) -> None:
    few = tuple(one for one in PEOPLE if one.role != "steward")
    assert told(county, MISSING, few) == {"grid1", "boss"}
    assert told(county, MISSING, few, mailboxes={"steward": "stewards@example.org"}) == {"grid1"}
    assert Audience(county, few).vacant == ["analyst", "steward"]


def boxes(county: County, **settings: Any) -> dict[str, Recipient]:
    county = county.model_copy(update={"alerts": AlertSettings.model_validate(settings)})
    people = (*PEOPLE, Account("anna", "数据员丁", "steward", email="anna@example.org"))
    return {one.box.recipient: one for one in Audience(county, people).recipients()}


MAIL = {"host": "mail.example.org", "port": 587, "sender": "warehouse@example.org"}
HOOK = {"name": "desk", "url": "https://desk.example.org/in", "secret_file": "keys/hook"}


def test_messages_reach_who_has_an_address_and_nobody_without_a_server(county: County) -> None:
    assert boxes(county) == {}
    assert boxes(county, mailboxes={"leader": "leaders@example.org"}) == {}
    made = boxes(county, mail=MAIL, webhooks=[HOOK], mailboxes={"leader": "leaders@example.org"}, digests={"leader": "weekly"})
    assert {name: (one.address, one.schedule) for name, one in made.items()} == {
        "user:anna": ("anna@example.org", "immediate"), "role:leader": ("leaders@example.org", "weekly"),
        "desk": ("https://desk.example.org/in", "immediate"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("immediate", "2026-02-09T04:00", "2026-02-09T04:00"),
        ("daily", "2026-02-08T23:59", "2026-02-09T00:00"),  # 08:00 in China
        ("daily", "2026-02-09T00:00", "2026-02-10T00:00"),
        ("weekly", "2026-02-08T23:59", "2026-02-09T00:00"),
        ("weekly", "2026-02-09T00:00", "2026-02-16T00:00"),
        ("weekly", "2026-02-13T12:00", "2026-02-16T00:00"),
    ],
)
def test_digests_go_out_at_eight_and_weekly_ones_on_mondays(county: County, schedule: Any, now: str, due: str) -> None:
    recipient = replace(boxes(county, mail=MAIL)["user:anna"], schedule=schedule)
    assert recipient.due(datetime.fromisoformat(now + "+00:00")) == datetime.fromisoformat(due + "+00:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"routes": {"run_failed": []}}, {"routes": {"run_failed": ["King Louis"]}}, {"routes": {"rain": ["steward"]}},
        {"mailboxes": {"leader": "leaders"}}, {"mailboxes": {"leader": "a@example.org\nBcc: b@example.org"}},
        {"digests": {"leader": "hourly"}}, {"webhooks": [HOOK, HOOK]}, {"webhooks": [{**HOOK, "kinds": ["rain"]}]},
        *({"webhooks": [{**HOOK, "url": url}]} for url in (
            "http://desk.example.org/in", "ftp://desk.example.org", "https://user@desk.example.org", "https:///in",
            "https://desk.example.org/in\r\nX: y", "file:///etc/passwd",
        )),
        *({"mail": {**MAIL, **change}} for change in (
            {"host": "mail example"}, {"port": 0}, {"sender": "warehouse"}, {"user": "w"}, {"password_file": "keys/mail"},
            {"user": "w", "password_file": "keys/mail", "security": "none"}, {"sender": "a@example.org, b@example.org"},
        )),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        AlertSettings.model_validate(wrong)


def test_settings_that_make_sense_are_taken() -> None:
    secret = {"user": "w", "password_file": "keys/mail", "security": "none"}
    assert Mail.model_validate({**MAIL, **secret, "host": "127.0.0.1"}).security == "none"
    assert Webhook.model_validate({**HOOK, "url": "http://localhost:8080/in"}).name == "desk"
    assert AlertSettings().route("run_failed") == ("steward", "administrator")


# --- the outbox ---------------------------------------------------------------------------------------------


def plan(alerts: Alerts, outbox: Outbox, time: Time, *boxes: Box, later: timedelta = timedelta(0)) -> int:
    told = [*alerts.all(is_open=True), *alerts.ended_untold()]
    return outbox.plan([(one, box, time.moment + later) for one in told for box in boxes])


def test_each_box_is_told_once_of_each_alert(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING, FAILED)
    assert plan(alerts, outbox, time, ANNA, BOX) == 4
    assert plan(alerts, outbox, time, ANNA, BOX) == 0
    claims = outbox.claim()
    assert {claim.box: list(claim.versions) for claim in claims} == {ANNA: [1, 2], BOX: [1, 2]}
    assert outbox.claim() == []  # whoever has them is at work
    for claim in claims:
        outbox.sent(claim)
    time.passes(days=1)
    settle(alerts, MISSING, FAILED)
    assert (plan(alerts, outbox, time, ANNA, BOX), outbox.claim(), outbox.waiting()) == (0, [], [])


def test_what_gets_worse_or_ends_is_told_again_and_better_is_not(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING)
    sent(alerts, outbox, time)
    time.passes(hours=1)
    settle(alerts, replace(MISSING, weight=1))
    assert sent(alerts, outbox, time) == []
    settle(alerts, MISSING)
    assert sent(alerts, outbox, time) == [1]
    time.passes(hours=1)
    settle(alerts)
    assert sent(alerts, outbox, time) == [1]
    assert sent(alerts, outbox, time) == []


def sent(alerts: Alerts, outbox: Outbox, time: Time) -> list[int]:
    """What is sent to one box now."""
    plan(alerts, outbox, time, ANNA)
    claims = outbox.claim()
    for claim in claims:
        outbox.sent(claim)
    return [number for claim in claims for number in claim.versions]


def test_a_digest_waits_for_its_hour_and_then_tells_all(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING)
    plan(alerts, outbox, time, ANNA, later=timedelta(hours=20))
    time.passes(hours=5)
    settle(alerts, MISSING, FAILED)
    plan(alerts, outbox, time, ANNA, later=timedelta(hours=15))
    time.passes(hours=14)
    settle(alerts, FAILED)
    plan(alerts, outbox, time, ANNA, later=timedelta(hours=25))
    assert outbox.claim() == []
    time.passes(hours=1)
    (claim,) = outbox.claim()
    assert list(claim.versions) == [1, 2]  # the first one began and ended meanwhile


def test_what_began_and_ended_before_anybody_was_to_be_told_is_told_to_nobody(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING)
    settle(alerts)
    assert plan(alerts, outbox, time, ANNA) == 0


def test_a_failure_waits_twice_as_long_each_time(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING)
    plan(alerts, outbox, time, ANNA)
    waits = []
    for _ in range(12):
        (claim,) = outbox.claim()
        outbox.failed(claim, "ConnectionRefusedError")
        (waiting,) = outbox.waiting()
        waits.append(datetime.fromisoformat(waiting["due_at"]) - time.moment)
        time.moment += waits[-1] - timedelta(seconds=1)
        assert outbox.claim() == []
        time.passes(seconds=1)
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)] and waits[-1] == LONGEST_WAIT
    assert (waiting["attempts"], waiting["error"], waiting["recipient"]) == (12, "ConnectionRefusedError", "user:anna")
    (claim,) = outbox.claim()
    outbox.sent(claim)
    assert outbox.waiting() == []


def test_what_a_sender_had_that_died_is_sent_again_with_the_same_content(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING)
    plan(alerts, outbox, time, ANNA)
    first = outbox.claim()
    time.passes(minutes=6)
    assert outbox.claim() == first


def test_what_changes_while_it_is_sent_is_sent_after_it(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, replace(MISSING, weight=1))
    plan(alerts, outbox, time, ANNA)
    (claim,) = outbox.claim()
    time.passes(seconds=1)
    settle(alerts, MISSING)
    plan(alerts, outbox, time, ANNA)
    outbox.sent(claim)
    (again,) = outbox.claim()
    assert again.versions[1] > claim.versions[1]


def test_what_is_dropped_waits_no_more(alerts: Alerts, outbox: Outbox, time: Time) -> None:
    settle(alerts, MISSING)
    plan(alerts, outbox, time, ANNA, BOX)
    for claim in outbox.claim():
        if claim.box == ANNA:
            outbox.drop(claim)
    assert [one["recipient"] for one in outbox.waiting()] == ["desk"]
    outbox.drop(Claim(BOX, {}))


# --- a look -------------------------------------------------------------------------------------------------


def test_a_look_raises_alerts_and_plans_messages_once(
    home: Home, county: County, store: Store, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = county.model_copy(update={"alerts": AlertSettings.model_validate({"mail": MAIL})})
    Accounts(store).add(Account("anna", "数据员丁", "steward", email="anna@example.org"), CLI)
    look = Look(home, county, store, datetime(2026, 2, 6, tzinfo=UTC).date())
    assert len(check(look, time).raised) == 5
    assert [one["alerts"] for one in Outbox(store, time).waiting()] == [5]
    assert check(look, time) == check(look, time)

    def broken(_: Look) -> list[Cause]:
        raise ValueError("999629199001011234")

    monkeypatch.setitem(FINDERS, "delivery_missing", broken)
    assert check(look, time).resolved == []
    assert len(Alerts(store).all(is_open=True)) == 5


def test_an_alert_knows_its_version() -> None:
    one = Alert(1, MISSING, "t1", "t2")
    assert (one.version, replace(one, resolved_at="t3").version) == ("t2", "t3")
