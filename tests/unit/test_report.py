"""What the command line tells of an edition: short, one line per KPI, most missed first, at any width."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from pipelines import terminal
from pipelines.follow_up import Settled
from pipelines.report import EditionReport, read_edition
from pipelines.settings import Home
from tests.support.edition import SMALL, Cell, Kpi, Unit, build_edition


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The small edition. Not to be changed."""
    home = Home(tmp_path_factory.mktemp("small"))
    build_edition(home.published)
    return home


@pytest.fixture(scope="module")
def found(small: Home) -> EditionReport:
    return report(small)


def report(home: Home) -> EditionReport:
    found = read_edition(home)
    assert found is not None
    return found


def printed(home: Home, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    out = StringIO()
    monkeypatch.setattr(terminal, "console", Console(file=out, width=width))
    terminal.print_report(home)
    return out.getvalue().splitlines()


def counts(found: EditionReport, kpi_id: str) -> dict[str, int]:
    row = next(row for row in found.standings if row["kpi_id"] == kpi_id)
    return {name: row[name] for name in ("met", "near", "missed", "undetermined", "no_data", "too_early") if row[name]}


def test_before_the_first_edition_there_is_no_report(home: Home) -> None:
    assert read_edition(home) is None


def test_a_community_counts_once_per_kpi_by_the_worst_of_its_targets(found: EditionReport) -> None:
    """Police rooms have two targets: twelve communities, of which one has none and one is too new."""
    assert (found.period, found.units) == ("2026-06", 12)
    assert counts(found, "police_room_count") == {"met": 10, "missed": 1, "too_early": 1}
    assert [row["met"] for row in found.kpis if row["kpi_id"] == "police_room_count"] == [10, 10]


def test_a_verdict_in_doubt_is_counted_apart(found: EditionReport) -> None:
    # 南关 182/202 missed, 解放路 188/197 with six in doubt, 东关 113/119 near, one too new
    expected = {"met": 8, "near": 1, "missed": 1, "undetermined": 1, "too_early": 1}
    assert counts(found, "temporary_resident_registration_rate") == expected


def test_the_kpi_that_most_communities_miss_comes_first(home: Home) -> None:
    def cell(unit: Unit, kpi: Kpi, month: object) -> Cell:
        few = {"dispute_handling_rate": 5, "criminal_cases": 2}.get(kpi.kpi_id, 0)
        ranks = sorted(name for names in SMALL.streets.values() for name in names)
        is_bad = ranks.index(unit.name) < few
        if kpi.kind == "count" and kpi.kpi_id == "criminal_cases":
            return Cell(Decimal(int(is_bad)), Decimal(1))
        return Cell(Decimal(90 if is_bad else 100), Decimal(100))

    build_edition(home.published, replace(SMALL, cell=cell, new=frozenset()))
    found = report(home)
    missed = [(row["kpi_id"], row["missed"]) for row in found.judged if row["missed"]]
    assert missed == [("dispute_handling_rate", 5), ("criminal_cases", 2)]
    assert [(row["kpi_id"], row["missed"]) for row in found.gravest(9)] == missed
    assert len(found.gravest(1)) == 1


def test_of_each_kpi_the_community_that_lacks_most_is_named(found: EditionReport) -> None:
    worst = {row["kpi_id"]: (row["unit"], row["shortfall"]) for row in found.gravest(12)}
    # 南关: 95 % of 202 is 191.9, so 192 are needed and 182 are there
    assert worst["temporary_resident_registration_rate"] == ("南关社区居委会", 10)
    assert worst["dispute_mediation_success_rate"][0] == "姚苌村委会"


def test_kpis_by_which_no_community_is_judged_are_only_counted(found: EditionReport) -> None:
    assert found.unjudged == {"above": 1, "no_target": 2, "not_yet": 0}
    assert {"staff_pay_floor_yuan", "grid_event_closure_rate", "smart_pilot_communities"}.isdisjoint(
        row["kpi_id"] for row in found.judged
    )
    assert {row["kpi_id"] for row in found.kpis} > {row["kpi_id"] for row in found.judged}


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_kpi_has_one_line_that_fits(
    small: Home, found: EditionReport, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(small, width, monkeypatch)
    rules = [place for place, line in enumerate(lines) if line.startswith("───")]
    assert len(rules) == 2
    kpis = lines[rules[0] + 1 : rules[0] + 1 + len(found.judged)]
    assert [line[:4] for line in kpis] == [row["name_zh"][:4] for row in found.judged]
    worst = lines[rules[1] + 1 : rules[1] + 1 + len(found.gravest(12))]
    assert [line[:4] for line in worst] == [row["kpi"][:4] for row in found.gravest(12)]
    assert max(cell_len(line) for line in [*kpis, *worst]) <= width
    assert any("Police rooms" in line for line in kpis) is (width >= terminal.BILINGUAL_WIDTH)


def test_what_is_printed_is_short_and_says_where_to_look(
    small: Home, found: EditionReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(small, 100, monkeypatch)
    assert len(lines) < len(found.judged) + len(found.gravest(12)) + 20
    text = "\n".join(lines)
    for told in ("示例数据", "2026-06: 12 个社区", "未设目标 2", "2 without target", "行 rows: 读取 read", "warehouse serve"):
        assert told in text


def test_machines_get_everything(small: Home) -> None:
    told = terminal.report_json(small)
    assert told is not None
    assert {"edition", "kpis", "standings", "worst", "rows", "missing"} <= set(told)
    assert len(told["kpis"]) > len(told["standings"]) == 10


def test_tasks_that_an_edition_settled_are_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    monkeypatch.setattr(terminal, "console", Console(file=out, width=60))
    terminal.print_settled(Settled())
    assert out.getvalue() == ""
    terminal.print_settled(Settled(closed=(3, 7), reopened=(5,)))
    assert out.getvalue() == "督办 follow-up: 销号 closed 2（3, 7） · 重新列入 reopened 1（5） · warehouse follow-up list\n"
