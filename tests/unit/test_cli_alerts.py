"""The commands for alerts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.county import County, save_county
from pipelines.errors import WarehouseError
from pipelines.settings import Home
from tests.support.commands import Command
from tests.support.receivers import mail_server

COMMAND = Command("alerts")
run, answer = COMMAND.run, COMMAND.answer


@pytest.fixture
def data_root(home: Home, county: County, monkeypatch: pytest.MonkeyPatch) -> Home:
    save_county(county, home.county_file)
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    return home


def add_steward() -> None:
    added = CliRunner().invoke(
        app, ["users", "add", "anna", "--full-name", "数据员甲", "--role", "steward", "--email", "anna@example.org"]
    )
    assert added.exit_code == 0


def test_a_look_raises_alerts_once_and_the_list_names_who_is_told(data_root: Home) -> None:
    assert answer("check", "--as-of", "2026-02-05") == {"raised": [], "worse": [], "resolved": []}
    assert len(answer("check", "--as-of", "2026-02-06")["raised"]) == 5
    assert answer("check", "--as-of", "2026-02-06") == {"raised": [], "worse": [], "resolved": []}
    listed = answer("list", "--open")
    assert {one["kind"] for one in listed["alerts"]} == {"delivery_missing"}
    assert [one["readers"] for one in listed["alerts"]] == [[]] * 5 and "steward" in listed["nobody_is"]
    code, told = run("list")
    assert code == 0 and "示例数据" in told and "无人 nobody" in told and "nobody is steward" in told.replace("\n", " ")
    add_steward()
    assert [one["readers"] for one in answer("list")["alerts"]] == [["anna"]] * 5


def test_an_alert_is_acknowledged_by_its_number(data_root: Home) -> None:
    run("check", "--as-of", "2026-02-06")
    assert answer("acknowledge", "1") == {"acknowledged": 1}
    assert [one["number"] for one in answer("list")["alerts"] if one["acknowledged_at"]] == [1]
    with pytest.raises(WarehouseError, match="no such alert"):
        run("acknowledge", "99")


def test_what_waits_is_sent_and_a_server_that_is_not_there_is_told(data_root: Home, county: County) -> None:
    add_steward()
    with mail_server() as mailbox:
        mail = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "warehouse@example.org"}
        data = county.model_dump(mode="json") | {"alerts": {"mail": mail}}
        save_county(County.model_validate(data), data_root.county_file)
        code, told = run("test", "--to", "anna")
        assert code == 0 and "user:anna" in told and len(mailbox.messages) == 1
        mailbox.answer = "550 no"
        run("check", "--as-of", "2026-02-06")
        code, told = run("send")
        assert code == 1 and "SMTPDataError" in told
        assert answer("list")["waiting"][0]["attempts"] == 1
        assert "SMTPDataError × 1" in run("list")[1]
    with pytest.raises(WarehouseError, match="no address"):
        run("test", "--to", "nobody")
