"""The commands of follow-up over the small edition: a task from a missed target, its steps, the list."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.follow_up import AlreadyOpen, FollowUpError
from tests.support.commands import Command
from tests.support.edition import build_edition

COMMAND = Command("follow-up")
run, answer = COMMAND.run, COMMAND.answer

DUE = (date.today() + timedelta(days=30)).isoformat()


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Unit, KPI and target of the missed targets of June of a served edition, confirmed, each KPI once per unit."""
    build_edition(tmp_path / "home" / "published")
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path / "home"))
    with duckdb.connect(str((tmp_path / "home/published/warehouse.duckdb").resolve()), read_only=True) as connection:
        found = connection.execute(
            "select unit_code, kpi_id, any_value(target_id) from fct_flag where period_type = 'month'"
            " and period = '2026-06-01' and unit_level = 'community' and status = 'missed' and certainty = 'confirmed'"
            " group by all having count(*) = 1 order by all"
        ).fetchall()
    assert len(found) > 2
    return found


def test_a_task_goes_from_a_missed_target_to_an_answer(flags: list[tuple[str, str, str]]) -> None:
    unit, kpi, target = flags[0]
    opened = answer("open", unit, kpi, "--due", DUE, "--instructions", "限期整改", "--assignee", "社区科")["task"]
    assert (opened["state"], opened["due"], opened["target_id"]) == ("assigned", DUE, target)
    assert opened["at_issue"]["status"] == opened["now"]["status"] == "missed"
    number = str(opened["task_id"])
    run("step", number, "rectifying")
    told = answer("step", number, "answered", "--note", "已办结", "--document", "洛民函〔2026〕8号")["task"]
    assert [event["state"] for event in told["history"]] == ["found", "assigned", "rectifying", "answered"]
    assert told["history"][-1]["document"] == "洛民函〔2026〕8号"
    assert told["history"][0]["actor"]["kind"] == "system_user"
    code, text = run("show", number)
    assert code == 0 and "已反馈" in text and "社区科" in text and "限期整改" in text


def test_the_list_has_the_most_urgent_first_and_can_be_narrowed(flags: list[tuple[str, str, str]]) -> None:
    for days, (unit, kpi, _) in zip((30, 3, 60), flags, strict=False):
        due = (date.today() + timedelta(days=days)).isoformat()
        run("open", unit, kpi, "--due", due, "--instructions", "限期整改")
    run("step", "3", "withdrawn", "--note", "重复")
    tasks = answer("list")["tasks"]
    assert [(task["task_id"], task["lamp"]) for task in tasks] == [(2, "soon"), (1, "on_time")]
    assert len(answer("list", "--all")["tasks"]) == 3
    assert [task["task_id"] for task in answer("list", "--state", "withdrawn")["tasks"]] == [3]
    assert {task["unit_code"] for task in answer("list", "--unit", flags[0][0])["tasks"]} == {flags[0][0]}
    assert answer("list", "--agency", "nobody")["tasks"] == []
    code, text = run("list")
    assert code == 0 and "示例数据" in text and "7日内到期" in text and "逾期 0 项" in text


def test_what_cannot_be_followed_up_is_told(flags: list[tuple[str, str, str]]) -> None:
    unit, kpi, _ = flags[0]
    run("open", unit, kpi)
    with pytest.raises(AlreadyOpen, match="task 1"):
        run("open", unit, kpi)
    with pytest.raises(FollowUpError, match="expected: assigned, withdrawn"):
        run("step", "1", "answered", "--note", "好")
    with pytest.raises(FollowUpError):
        run("show", "99")
    assert run("open", unit, "no_such_kpi")[0] == 2
    assert run("step", "1", "closed")[0] == 2
    assert run("list", "--state", "lost")[0] == 2
    assert run("open", unit, kpi, "--due", "soon")[0] == 2
