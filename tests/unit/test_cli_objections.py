"""The commands of objections over the small edition: from a figure that is contested to the answer, and the list."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.objections import ContestedAlready, NoSuchObjection, ObjectionError, due_after
from pipelines.settings import SHANGHAI
from tests.support.commands import Command
from tests.support.edition import build_edition

COMMAND = Command("objections")
run, answer = COMMAND.run, COMMAND.answer

UNIT = "610629001001"
FIGURE = (UNIT, "dispute_handling_rate", "--period", "2026-06")


@pytest.fixture(autouse=True)
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_edition(tmp_path / "home" / "published")
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path / "home"))


def target() -> str:
    """One of the targets of the figure, as the refusal of an unclear one names them."""
    code, output = run("open", *FIGURE, "--claim", "x", "--target", "?")
    assert code == 2
    return "D3-DHR" if "D3-DHR" in output else output


def contest(*more: str, claim: str = "有两件已办结") -> Any:
    return answer("open", *FIGURE, "--target", target(), "--claim", claim, *more)["objection"]


def test_a_figure_is_contested_answered_and_closed() -> None:
    opened = contest()
    assert (opened["state"], opened["claim"], opened["unit_code"], opened["rows"]) == ("open", "有两件已办结", UNIT, [])
    assert opened["due"] == due_after(datetime.now(SHANGHAI).date()).isoformat()
    assert opened["contested"] == opened["now"] and not opened["is_changed"]
    number = str(opened["objection_id"])
    answered = answer("answer", number, "upheld", "--note", "已补登，下一版更正")["objection"]
    assert (answered["state"], answered["outcome"], answered["answer"]) == ("answered", "upheld", "已补登，下一版更正")
    closed = answer("close", number)["objection"]
    assert [event["state"] for event in closed["history"]] == ["open", "answered", "closed"]
    assert closed["history"][0]["actor"]["kind"] == "system_user"
    code, text = run("show", number)
    assert code == 0 and "已办结 成立" in text and "未变 unchanged" in text and "已补登" in text


def test_the_list_has_the_most_urgent_first_and_can_be_narrowed() -> None:
    contest("--due", (date.today() + timedelta(days=30)).isoformat())
    other = answer("open", UNIT, "dispute_handling_rate", "--period", "2026-05", "--target", target(), "--claim", "五月也是")
    run("withdraw", str(contest_of("2026-04")), "--note", "看错了")
    assert [one["objection_id"] for one in answer("list")["objections"]] == [other["objection"]["objection_id"], 1]
    assert len(answer("list", "--all")["objections"]) == 3
    assert [one["objection_id"] for one in answer("list", "--state", "withdrawn")["objections"]] == [3]
    assert len(answer("list", "--unit", "610629001")["objections"]) == 2
    assert answer("list", "--unit", "610629002")["objections"] == answer("list", "--agency", "nobody")["objections"] == []
    code, text = run("list")
    assert code == 0 and "示例数据" in text and "待答复" in text and "逾期 0 项" in text


def contest_of(month: str) -> int:
    made = answer("open", UNIT, "dispute_handling_rate", "--period", month, "--target", target(), "--claim", "又一件")
    return int(made["objection"]["objection_id"])


def test_what_cannot_be_contested_is_told() -> None:
    contest()
    with pytest.raises(ContestedAlready, match="objection 1"):
        contest()
    with pytest.raises(ObjectionError, match="no current batch"):
        answer("open", UNIT, "dispute_handling_rate", "--period", "2026-05", "--target", target(), "--claim", "x", "--rows", "grid_610629001 grid_disputes 2026-05 12")
    with pytest.raises(ObjectionError, match="expected: answered, withdrawn"):
        run("close", "1")
    with pytest.raises(NoSuchObjection):
        run("show", "99")
    assert run("answer", "1", "maybe", "--note", "x")[0] == 2
    assert run("open", UNIT, "no_such_kpi", "--claim", "x")[0] == 2
    assert run("list", "--state", "lost")[0] == 2
    assert run("open", *FIGURE, "--claim", "x", "--due", "soon")[0] == 2
