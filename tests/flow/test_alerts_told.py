"""From a run to whoever has to know: what is missing, fails and mends itself arrives by mail and webhook, and stands on the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.alert_store import Alerts
from pipelines.alert_webhook import signature
from pipelines.alerts import Alert
from pipelines.audit import GATES, GateFailed
from pipelines.county import County, load_county, save_county
from pipelines.publish import current_manifest
from pipelines.run import run
from pipelines.settings import Home, add_months, month_name, month_start
from pipelines.store import Store
from tests.flow.conftest import AS_OF
from tests.support.receivers import Mailbox, Posted, mail_server, webhook_server

CopyOf = Callable[[Home], Home]
SECRET = "a secret of the desk"


def set_up(home: Home, mailbox: Mailbox, posted: Posted) -> None:
    """A steward with an address, and a webhook."""
    (home.root / "secret").write_text(SECRET, "utf-8")
    (home.root / "secret").chmod(0o600)
    told = {
        "mail": {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "warehouse@example.org"},
        "webhooks": [{"name": "desk", "url": posted.url, "secret_file": "secret"}],
    }
    data = load_county(home.county_file).model_dump(mode="json") | {"alerts": told}
    save_county(County.model_validate(data), home.county_file)
    store = Store.of(home)
    Accounts(store).add(Account("anna", "数据员甲", "steward", email="anna@example.org"), Actor("system_user", "tester"))
    store.close()


def open_alerts(home: Home) -> dict[tuple[str, str], Alert]:
    store = Store.of(home)
    found = Alerts(store).all(is_open=True)
    store.close()
    return {(one.cause.kind, one.cause.subject): one for one in found}


def last_text(mailbox: Mailbox) -> str:
    body = mailbox.messages[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def missing_slot(home: Home) -> Path:
    """The folder in landing of a grid list that a supplier has not sent."""
    planted = pl.read_parquet(home.truth / "planted_files.parquet")
    missing = planted.filter(expected_outcome="missing", dataset="grid_grids").row(0, named=True)
    return home.landing / missing["supplier_id"] / missing["dataset"] / missing["period"]


def deliver_late(folder: Path) -> None:
    """The supplier sends the list of the month before once more."""
    folder.mkdir(exist_ok=True)
    (before,) = folder.with_name(month_name(add_months(month_start(folder.name), -1))).iterdir()
    shutil.copyfile(before, folder / f"late{before.suffix}")


def test_what_is_missing_and_what_fails_is_told_until_it_is_mended(
    published: Home, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(published)
    with mail_server() as mailbox, webhook_server() as posted:
        set_up(home, mailbox, posted)
        slot = missing_slot(home)
        missed = f"{slot.parent.parent.name}/{slot.name}"
        run(home, as_of=AS_OF)
        raised = open_alerts(home)
        assert ("delivery_missing", missed) in raised and "run_failed" not in {kind for kind, _ in raised}
        assert len(mailbox.messages) == len(posted.requests) == 1
        assert f"未结 {len(raised)}" in mailbox.messages[0]["Subject"]
        assert missed.partition("/")[0] in last_text(mailbox)

        run(home, as_of=AS_OF)  # the same again is told to nobody
        assert open_alerts(home) == raised and len(mailbox.messages) == len(posted.requests) == 1

        before = current_manifest(home)
        deliver_late(slot)
        with monkeypatch.context() as patched:
            patched.setitem(GATES, "identifiers", lambda _: ["fct_kpi.unit_code"])
            with pytest.raises(GateFailed):
                run(home, as_of=AS_OF)
        assert current_manifest(home) == before
        (failed,) = [one for (kind, _), one in open_alerts(home).items() if kind == "run_failed"]
        assert "identifiers" in failed.cause.said.zh and "identifiers" in failed.cause.said.en
        assert ("delivery_missing", missed) not in open_alerts(home)  # it came, whatever became of the edition
        text = last_text(mailbox)
        assert len(mailbox.messages) == 2 and text.index("[新] 运行失败") < text.index("已结束")
        assert "late." not in text and str(home.root) not in text

        run(home, as_of=AS_OF)
        assert "run_failed" not in {kind for kind, _ in open_alerts(home)}
        assert len(mailbox.messages) == 3 and "运行失败" in last_text(mailbox).partition("已结束")[2]
        _, headers, body = posted.requests[-1]
        assert headers["X-Warehouse-Signature"] == signature(SECRET, headers["X-Warehouse-Timestamp"], body)
        assert "run_failed" in {one["kind"] for one in json.loads(body)["alerts"] if not one["is_open"]}


def test_a_mail_server_that_is_gone_fails_no_run(published: Home, copy_of: CopyOf) -> None:
    home = copy_of(published)
    with mail_server() as mailbox, webhook_server() as posted:
        set_up(home, mailbox, posted)
    again = run(home, as_of=AS_OF)
    assert again.publication is not None and not again.publication.is_new
    assert open_alerts(home) != {}
