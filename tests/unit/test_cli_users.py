"""The commands for users and the audit log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.account_store import Accounts
from pipelines.audit_log import audit_event
from pipelines.errors import WarehouseError
from pipelines.sessions import Sessions
from pipelines.settings import Home
from pipelines.store import Store
from pipelines.verify import verify
from tests.support.commands import Command

COMMAND = Command()
run, answer = COMMAND.run, COMMAND.answer

SECRET = "correct horse battery"


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    return Home(tmp_path)


def test_a_user_is_added_and_sets_the_password_by_a_link(data_root: Home) -> None:
    code, told = run("users", "add", "zhao", "--full-name", "[b]分析员甲[/]", "--role", "analyst")
    assert code == 0 and "/welcome/" in told
    token = told.rpartition("/welcome/")[2].strip()
    store = Store.of(data_root)
    assert Accounts(store).use_link(token, SECRET).name == "zhao"
    assert Sessions(store).sign_in("zhao", SECRET, "127.0.0.1").account.full_name == "[b]分析员甲[/]"
    store.close()
    assert answer("users", "list")["users"] == [
        {"name": "zhao", "full_name": "[b]分析员甲[/]", "role": "analyst", "area": "", "is_disabled": False, "email": "", "agency": ""}
    ]
    assert "[b]分析员甲[/]" in run("users", "list")[1]


def test_a_password_may_come_from_standard_input_and_is_told_nowhere(data_root: Home) -> None:
    code, told = run("users", "add", "qian", "--full-name", "管理员乙", "--role", "steward", "--password-stdin", typed=f"{SECRET}\n")
    assert code == 0 and SECRET not in told and "/welcome/" not in told
    assert answer("users", "password", "qian")["link"].startswith("/welcome/")
    run("users", "password", "qian", "--password-stdin", typed="another password 1\n")
    with pytest.raises(WarehouseError):
        run("users", "add", "sun", "--full-name", "丙", "--role", "leader", "--password-stdin", typed="short\n")
    assert [one["name"] for one in answer("users", "list")["users"]] == ["qian"]
    store = Store.of(data_root)
    assert Sessions(store).sign_in("qian", "another password 1", "127.0.0.1").account.name == "qian"
    store.close()


def test_a_mail_address_is_one_address_and_can_be_taken_away(data_root: Home) -> None:
    run("users", "add", "zhou", "--full-name", "戊", "--role", "leader", "--email", "zhou@example.org")
    for wrong in ("zhou", "a@b.c, d@e.f", "a@example.org\nBcc: b@example.org", "<a@example.org>", "甲@example.org"):
        with pytest.raises(WarehouseError, match="mail address"):
            run("users", "email", "zhou", wrong)
    assert answer("users", "list")["users"][0]["email"] == "zhou@example.org"
    run("users", "email", "zhou", "")
    assert answer("users", "list")["users"][0]["email"] == ""


def test_an_agency_is_one_that_owns_figures_and_can_be_changed(data_root: Home) -> None:
    run("users", "add", "kong", "--full-name", "民警己", "--role", "supplier", "--area", "610629", "--agency", "police")
    assert "公安 police" in run("users", "list")[1].replace("\n", " ")
    with pytest.raises(WarehouseError, match="another agency"):
        run("users", "roles", "kong", "--agency", "fire_brigade")
    assert "grid_management" in run("users", "roles", "kong", "--agency", "grid_management")[1]
    (one,) = answer("users", "list")["users"]
    assert (one["role"], one["area"], one["agency"]) == ("supplier", "610629", "grid_management")
    run("users", "roles", "kong", "--agency", "")
    assert answer("users", "list")["users"][0]["agency"] == ""


def test_roles_areas_and_disabling_count_at_once(data_root: Home) -> None:
    run("users", "add", "li", "--full-name", "网格员丁", "--role", "supplier", "--area", "610629001")
    run("users", "roles", "li", "--role", "leader", "--area", "")
    assert answer("users", "disable", "li")["user"]["is_disabled"] is True
    (one,) = answer("users", "list")["users"]
    assert (one["role"], one["area"], one["is_disabled"]) == ("leader", "", True)
    run("users", "disable", "li", "--undo")
    assert answer("users", "list")["users"][0]["is_disabled"] is False
    assert run("users", "roles", "li", "--role", "king")[0] == 2
    with pytest.raises(WarehouseError, match="no such account"):
        run("users", "disable", "nobody")


def test_the_audit_log_is_shown_and_verified(data_root: Home) -> None:
    run("users", "add", "zhou", "--full-name", "分析员戊", "--role", "analyst")
    shown = answer("audit", "show", "--action", "account_added")["entries"]
    assert [(one["subject"], one["actor_kind"]) for one in shown] == [("zhou", "system_user")]
    found = answer("audit", "verify")
    assert found["is_whole"] and found["entries"] == 2
    assert run("audit", "verify", "--head", found["head"])[0] == 0
    assert run("audit", "verify", "--head", "2:forged")[0] == 1
    assert run("audit", "show", "--action", "dancing")[0] == 2
    store = Store.of(data_root)
    with store.transaction() as connection:
        connection.execute(audit_event.update().where(audit_event.c.number == 1).values(subject="other"))
    store.close()
    code, told = run("audit", "verify", "--json")
    assert code == 1 and json.loads(told)["damaged"] == [1]
    assert [(damage.what, damage.where) for damage in verify(data_root).damages] == [("audit", "entry 1")]
