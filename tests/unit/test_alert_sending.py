"""Alerts as they arrive: at a mail server and at an address for webhooks of this machine, once, signed, and never for ever in vain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.alert_causes import FINDERS
from pipelines.alert_digest import NEWS_LISTED, OTHERS_LISTED, digest_of, one_line
from pipelines.alert_mail import message
from pipelines.alert_sending import Sent, send, send_after_run, send_trial
from pipelines.alert_settings import AlertSettings, Mail
from pipelines.alert_store import Alerts, Box, Outbox
from pipelines.alert_watch import audience_of
from pipelines.alert_webhook import signature
from pipelines.alerts import Alert, Cause
from pipelines.county import County
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.clock import Time
from tests.support.identity_provider import write_certificate
from tests.support.receivers import Mailbox, Posted, mail_server, webhook_server

CLI = Actor("system_user", "tester")
ANNA, STEWARDS, DESK = Box("mail", "user:anna"), Box("mail", "role:steward"), Box("webhook", "desk")
HOSTILE = "甲\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>\u202e"
FAILED = Cause("run_failed", "r1", Words("运行失败 <b>x</b>", "The run failed <b>x</b>"), "2026-02-11T08:00:00+00:00", ("610629",))
MISSING = Cause("delivery_missing", "s/2026-01", Words("缺报 1 项", "1 missing"), "2026-02-05", ("610629101",), "s")


@pytest.fixture
def time() -> Time:
    return Time(datetime(2026, 2, 11, 4, tzinfo=UTC))


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    store = Store.at(home.store)
    Accounts(store).add(Account("anna", "数据员甲", "steward", email="anna@example.org"), CLI)
    yield store
    store.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def desk() -> Iterator[Posted]:
    with webhook_server() as posted:
        yield posted


@pytest.fixture
def secret(home: Home) -> Path:
    home.root.mkdir(parents=True, exist_ok=True)
    path = home.root / "secret"
    path.write_text("a secret of the desk\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def told_by(county: County, **settings: Any) -> County:
    return county.model_copy(update={"alerts": AlertSettings.model_validate(settings)})


def by_mail(county: County, mailbox: Mailbox, **more: Any) -> County:
    mail = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "warehouse@example.org", **more}
    return told_by(county, mail=mail)


def by_webhook(county: County, desk: Posted, **more: Any) -> County:
    return told_by(county, webhooks=[{"name": "desk", "url": desk.url, "secret_file": "secret", **more}])


def settle(county: County, store: Store, time: Time, *causes: Cause) -> None:
    """A look that finds these causes."""
    alerts = Alerts(store, time)
    alerts.settle(causes, list(FINDERS))
    audience = audience_of(county, store)
    told = [*alerts.all(is_open=True), *alerts.ended_untold()]
    Outbox(store, time).plan(
        [(one, to.box, to.due(time.moment)) for one in told for to in audience.recipients() if audience.concerns(to, one.cause)]
    )


# --- mail ---------------------------------------------------------------------------------------------------


def test_what_is_open_arrives_by_mail_in_both_languages(home: Home, county: County, store: Store, mailbox: Mailbox, time: Time) -> None:
    county = by_mail(county, mailbox)
    settle(county, store, time, FAILED, MISSING)
    assert send(home, county, store, time) == Sent([ANNA])
    (mail,) = mailbox.messages
    assert mailbox.envelopes == [("warehouse@example.org", ["anna@example.org"])]
    assert mail["To"] == "数据员甲 <anna@example.org>" and mail["From"] == "warehouse@example.org"
    assert mail["Subject"] == "[示例数据 Sample data] 洛川县 告警 Alerts：未结 2，新的或加重的 2 / 2 open, 2 new or worse"
    assert mail["Date"] == "Wed, 11 Feb 2026 04:00:00 +0000" and mail["Auto-Submitted"] == "auto-generated"
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None and html is not None
    text = plain.get_content()
    assert "【示例数据】" in text and text.index("运行失败") < text.index("缺报 1 项") < text.index("The run failed") < text.index("1 missing")
    assert "<li>[新] 运行失败 &lt;b&gt;x&lt;/b&gt;" in html.get_content() and "<b>" not in html.get_content()


def test_nothing_is_sent_while_nothing_changes_and_an_end_is_told(
    home: Home, county: County, store: Store, mailbox: Mailbox, time: Time
) -> None:
    county = by_mail(county, mailbox)
    for causes in ((FAILED, MISSING), (FAILED, MISSING), (MISSING,), (MISSING,)):
        settle(county, store, time, *causes)
        send(home, county, store, time)
        time.passes(hours=1)
    _, end = mailbox.messages
    body = end.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "未结 1，已结束 1 / 1 open, 1 ended" in end["Subject"]
    assert text.index("缺报 1 项") < text.index("已结束") < text.index("运行失败") and "[新]" not in text


def test_a_server_that_does_not_take_a_message_gets_it_later_and_under_the_same_id(
    home: Home, county: County, store: Store, mailbox: Mailbox, time: Time
) -> None:
    county = by_mail(county, mailbox)
    settle(county, store, time, FAILED)
    mailbox.answer = "451 try again, anna@example.org"
    assert send(home, county, store, time).failed == {ANNA: "SMTPDataError"}
    (waiting,) = Outbox(store).waiting()
    assert (waiting["attempts"], waiting["error"]) == (1, "SMTPDataError")
    assert send(home, county, store, time) == Sent()  # not before its time
    mailbox.answer = "250 OK"
    time.passes(minutes=2)
    assert send(home, county, store, time).sent == [ANNA]
    again = Outbox(store, time)
    assert again.waiting() == []
    # a sender that dies before it has noted that a message went out sends it once more
    with store.transaction() as connection:
        connection.exec_driver_sql("update alert_message set sent_version = null")
    time.passes(minutes=6)
    send(home, county, store, time)
    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"] and first["Message-ID"].endswith("@example.org>")


def test_a_server_that_is_not_there_is_asked_once_for_all(home: Home, county: County, store: Store, mailbox: Mailbox, time: Time) -> None:
    Accounts(store).add(Account("bert", "数据员乙", "steward", email="bert@example.org"), CLI)
    county = by_mail(county, mailbox, port=1)
    settle(county, store, time, FAILED)
    assert set(send(home, county, store, time).failed.values()) == {"ConnectionRefusedError"}
    assert [one["attempts"] for one in Outbox(store).waiting()] == [1, 1]
    assert mailbox.messages == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_password_is_read_from_a_file_that_nobody_else_can_read(
    home: Home, county: County, store: Store, secret: Path, time: Time
) -> None:
    with mail_server("a secret of the desk") as mailbox:
        county = by_mail(county, mailbox, user="warehouse", password_file="secret")
        settle(county, store, time, FAILED)
        secret.chmod(0o640)
        assert send(home, county, store, time).failed == {ANNA: "UnsafeSecret"}
        secret.chmod(0o600)
        time.passes(minutes=2)
        assert send(home, county, store, time).sent == [ANNA] and len(mailbox.messages) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_goes_to_a_server_whose_certificate_is_trusted_and_to_no_other(
    home: Home, county: County, store: Store, time: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    certificate = write_certificate(tmp_path)
    with mail_server("", security, certificate) as mailbox:
        county = by_mail(county, mailbox, security=security)
        settle(county, store, time, FAILED)
        assert send(home, county, store, time).failed == {ANNA: "SSLCertVerificationError"}
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        time.passes(minutes=2)
        assert send(home, county, store, time).sent == [ANNA] and len(mailbox.messages) == 1


def test_who_is_disabled_meanwhile_gets_nothing(home: Home, county: County, store: Store, mailbox: Mailbox, time: Time) -> None:
    county = by_mail(county, mailbox)
    settle(county, store, time, FAILED)
    Accounts(store).change("anna", CLI, is_disabled=True)
    assert send(home, county, store, time) == Sent()
    assert (mailbox.messages, Outbox(store).waiting()) == ([], [])


def test_no_name_can_end_a_header_or_the_message(county: County) -> None:
    mail = Mail(host="127.0.0.1", port=25, security="none", sender="warehouse@example.org")
    hostile = county.model_copy(update={"name_zh": HOSTILE, "sample": False})
    one = Alert(1, replace(FAILED, said=Words(HOSTILE, HOSTILE)), "t", "t")
    digest = digest_of(hostile, [one], [one])
    made = message(
        mail, HOSTILE, "anna@example.org", subject=digest.subject + HOSTILE, text=digest.text(),
        html=digest.html(), message_id="0",
        now=datetime(2026, 2, 11, tzinfo=UTC),
    )  # fmt: skip
    head = made.as_bytes().partition(b"\n\n")[0].decode("ascii")
    assert "\nBcc" not in head and made["Bcc"] is None
    assert made["To"].addresses[0].addr_spec == "anna@example.org" and len(made["To"].addresses) == 1
    assert "<script" not in digest.html() and "\u202e" not in digest.text() + digest.html()
    assert "\nBcc" not in digest.text()


@pytest.mark.parametrize("sign", ["\n", "\r", "\x00", "\x0b", "\u2028", "\u202e", "\u200b", "\ud800"])
def test_a_line_is_one_line(sign: str) -> None:
    assert one_line(f" a{sign}{sign}b ") in ("a b", "ab")


def test_news_comes_before_what_is_known_and_of_very_many_the_first_are_written_out(county: County) -> None:
    known = [Alert(number, replace(FAILED, subject=f"{number}"), "t", "t") for number in range(1, 10)]
    news = [Alert(number, replace(MISSING, subject=f"{number}"), "t", "t") for number in range(10, 10 + NEWS_LISTED + 5)]
    text = digest_of(county, [*known, *news], news).text()
    assert text.count("[新] 缺报 1 项") == NEWS_LISTED and "另有 5 条" in text and "5 more" in text
    assert text.count("运行失败 <b>x</b>") == OTHERS_LISTED and "另有 6 条" in text
    assert text.index("[新]") < text.index("运行失败 · 未结 9\n")


# --- webhooks -----------------------------------------------------------------------------------------------


def test_a_webhook_gets_what_changed_signed(home: Home, county: County, store: Store, desk: Posted, secret: Path, time: Time) -> None:
    county = by_webhook(county, desk, kinds=["run_failed"])
    settle(county, store, time, FAILED, MISSING)
    assert send(home, county, store, time) == Sent([DESK])
    ((path, headers, body),) = desk.requests
    assert path == "/alerts?from=warehouse"
    assert headers["X-Warehouse-Timestamp"] == str(int(time.moment.timestamp()))
    assert headers["X-Warehouse-Signature"] == signature("a secret of the desk", headers["X-Warehouse-Timestamp"], body)
    assert headers["X-Warehouse-Signature"] != signature("another", headers["X-Warehouse-Timestamp"], body)
    sent = json.loads(body)
    assert (sent["county_code"], sent["is_sample"], sent["id"]) == ("610629", True, headers["Idempotency-Key"])
    (one,) = sent["alerts"]
    assert (one["kind"], one["subject"], one["is_open"], one["zh"]) == ("run_failed", "r1", True, FAILED.said.zh)
    time.passes(hours=1)
    settle(county, store, time, MISSING)
    send(home, county, store, time)
    assert json.loads(desk.requests[1][2])["alerts"][0]["is_open"] is False


@pytest.mark.parametrize("status", [301, 307, 400, 500])
def test_an_answer_that_is_no_success_is_a_failure_and_no_redirect_is_followed(
    home: Home, county: County, store: Store, desk: Posted, secret: Path, time: Time, status: int
) -> None:
    desk.status = status
    county = by_webhook(county, desk)
    settle(county, store, time, FAILED)
    assert send(home, county, store, time).failed == {DESK: "NotTaken"}
    assert len(desk.requests) == 1


# --- trials, and runs that must not be hurt -----------------------------------------------------------------


def test_a_trial_reaches_every_box_of_a_name(
    home: Home, county: County, store: Store, mailbox: Mailbox, desk: Posted, secret: Path, time: Time
) -> None:
    hooks = by_webhook(county, desk).alerts.webhooks
    mail = by_mail(county, mailbox).alerts.mail
    county = county.model_copy(
        update={"alerts": AlertSettings(mail=mail, webhooks=hooks, mailboxes={"steward": "stewards@example.org"})}
    )
    for name, box in (("anna", ANNA), ("steward", STEWARDS), ("desk", DESK)):
        assert send_trial(home, county, store, name, time) == [box]
    assert [to for _, to in mailbox.envelopes] == [["anna@example.org"], ["stewards@example.org"]]
    assert json.loads(desk.requests[0][2])["alerts"] == []
    with pytest.raises(WarehouseError, match="no address"):
        send_trial(home, county, store, "nobody", time)
    desk.status = 500
    with pytest.raises(WarehouseError, match="not taken"):
        send_trial(home, county, store, "desk", time)


def test_sending_never_fails_a_run(home: Home, county: County, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise ValueError("anna@example.org")

    monkeypatch.setattr("pipelines.alert_sending.send", broken)
    send_after_run(home, county)
    assert "ValueError" in caplog.text and "anna" not in caplog.text
