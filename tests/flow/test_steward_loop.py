"""The steward's loop on a small county, from planted dirt to moved verdicts: decided, corrected, returned, delivered again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from expectations.contract import load_contracts
from expectations.rules import rule_catalogue
from pipelines.actor import Actor
from pipelines.cli import app
from pipelines.county import County, load_county
from pipelines.editions import last_two
from pipelines.explain import explain
from pipelines.lake import batch_path
from pipelines.protection.identity import IDENTIFIER
from pipelines.run import RunSummary, run
from pipelines.settings import Home
from pipelines.stewardship import settling
from pipelines.stewardship.correction_sheet import sheet_name, write_sheet
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.open_rows import open_rows
from pipelines.stewardship.preview import kept_preview, preview, preview_decision
from pipelines.stewardship.row_view import RowView, row_view
from pipelines.stewardship.tickets import Tickets
from pipelines.stewardship.work_list import WorkList, work_list
from pipelines.store import Slot, Store
from pipelines.verify import verify
from tests.flow.conftest import AS_OF
from tests.support.commands import Command

LI, WANG = Actor("user", "li"), Actor("user", "wang")
TODAY, DUE = date(2026, 11, 23), date(2026, 12, 1)
PLACES = ["unit_key", "period_type", "period", "kpi_id", "target_id"]
SAID = ["numerator", "denominator", "value_low", "value_high", "status", "certainty"]
MOVED = [*PLACES, *(f"{name}_after" for name in SAID)]
KEY = ["unit_key", "period_type", "period", "unit_basis", "kpi_id", "target_id"]


@dataclass(frozen=True)
class Desk:
    """A steward at a data root that a test may change."""

    home: Home
    store: Store
    county: County

    @property
    def rows(self) -> pl.DataFrame:
        return open_rows(self.home, self.store)

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.store)

    def work(self) -> WorkList:
        return work_list(self.home.pointer.resolve(), self.county, self.rows)

    def breaking(self, dataset: str, rule: str) -> list[RowView]:
        """The open rows that break this rule and no other."""
        found = self.rows.filter((pl.col("dataset") == dataset) & (pl.col("rules") == [rule]))
        return [
            row_view(self.home, self.store, self.county, self.rows, row["batch_id"], row["row_number"])
            for row in found.iter_rows(named=True)
        ]

    def run(self) -> RunSummary:
        return run(self.home, as_of=AS_OF)

    def figures(self) -> pl.DataFrame:
        with duckdb.connect(str(self.home.pointer.resolve()), read_only=True) as connection:
            found: pl.DataFrame = connection.sql("select * from fct_kpi").pl()
            return found.sort(KEY)

    def is_open(self, view: RowView) -> bool:
        """Whether the row still has to be settled, in whatever batch it stands now."""
        slot = view.row.slot
        return bool(
            self.rows.filter(
                (pl.col("supplier_id") == slot.supplier_id) & (pl.col("dataset") == slot.dataset)
                & (pl.col("period").dt.strftime("%Y-%m") == slot.period) & (pl.col("row_number") == view.row.row_number)
            ).height
        )  # fmt: skip

    def current_row(self, view: RowView) -> dict[str, object]:
        """What the lake has of the row in the batch that is current now; empty where it was left out."""
        batch_id = str(self.store.slots()[view.row.slot]["batch_id"])
        found = pl.read_parquet(batch_path(self.home, view.row.slot, batch_id)).filter(row_number=view.row.row_number)
        return found.to_dicts()[0] if found.height else {}


def moved(before: pl.DataFrame, after: pl.DataFrame, foreseen: pl.DataFrame) -> pl.DataFrame:
    """The figures in which two editions differ, of the periods that a preview looked at; as it gives them."""
    older, newer = (frame.filter(unit_basis="as_was") for frame in (before, after))
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_after")) for name in SAID)
    found = older.join(newer, on=PLACES, nulls_equal=True, suffix="_after").filter(differs)
    return found.join(foreseen.select("period_type", "period").unique(), on=["period_type", "period"]).select(MOVED).sort(PLACES)


@pytest.fixture
def desk(published: Home, copy_of: Callable[[Home], Home]) -> Iterator[Desk]:
    home = copy_of(published)
    with closing(Store.of(home)) as store:
        yield Desk(home, store, load_county(home.county_file))


def filled(view: RowView, **cells: str) -> bytes:
    """The correction sheet for a row, as a supplier fills it in: the whole row, with these cells put right."""
    book = openpyxl.load_workbook(io.BytesIO(write_sheet([view], is_sample=True)))
    sheet = book.worksheets[0]
    titles = [cell.value for cell in sheet[2]]
    for cell in view.cells:
        place = titles.index(cell.column.title_zh) + 1
        sheet.cell(4, place).value = cells.get(cell.column.name, cell.shown) or None
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def land(home: Home, slot: Slot, name: str, content: bytes) -> None:
    folder = home.landing / slot.supplier_id / slot.dataset / slot.period
    (folder / name).write_bytes(content)


def test_rows_are_settled_in_every_way_and_the_verdicts_move(desk: Desk) -> None:
    before, tickets_before = desk.figures(), Tickets(desk.store).all()
    rejected = desk.breaking("grid_disputes", "community_code.format")[0]
    accepted = desk.breaking("grid_disputes", "result_matches_handling")[-1]
    corrected = desk.breaking("grid_disputes", "kind.known_value")[0]
    returned = desk.breaking("grid_disputes", "accepted_date.readable")[0]
    twin = desk.breaking("grid_disputes", "key.unique")[0]
    month = f"{returned.row.slot.period}-05"
    decisions = desk.decisions
    decisions.make([settling.reject(rejected, "不属于本县")], LI)
    (waiting,) = decisions.make([settling.accept(accepted, "查阅卷宗属实", is_sample=True)], LI)
    decisions.make([settling.correct(corrected, {"kind": "民事"}, "据卷宗")], LI)
    decisions.make([settling.merge(twin, twin.rows_of_key[0], "重复填报")], LI)
    decisions.make([settling.send_back(returned, DUE, TODAY, "请核对受理日期")], LI)
    land(desk.home, returned.row.slot, "更正.xlsx", filled(returned, accepted_date=month))

    summary = desk.run()
    assert [file.outcome for file in summary.files if file.file_name == "更正.xlsx"] == ["correction"]
    assert summary.publication is not None and summary.publication.is_new
    # What was proposed only is not in force: its row waits, and everything else is settled.
    assert desk.is_open(accepted)
    assert not any(desk.is_open(view) for view in (rejected, corrected, returned, twin))
    assert desk.current_row(rejected) == desk.current_row(twin) == {}
    assert desk.current_row(corrected)["kind"] == "civil"
    assert desk.current_row(returned)["accepted_date"] == date.fromisoformat(month)
    states = {decision.draft.kind: decision.state for decision in decisions.all()}
    assert states == {
        "reject": "in_force", "accept": "proposed", "correct": "in_force", "merge": "in_force", "send_back": "withdrawn",
        "replace": "in_force",
    }  # fmt: skip

    first = desk.figures()
    foreseen = preview_decision(desk.home, desk.county, desk.store, waiting)
    assert foreseen.figures.height > 0
    decisions.approve(waiting, WANG)
    desk.run()
    assert not desk.is_open(accepted)
    after = desk.figures()
    assert foreseen.figures.select(MOVED).sort(PLACES).equals(moved(first, after, foreseen.figures))
    # What it changed can be looked up afterwards, too.
    kept = kept_preview(desk.home, waiting)
    assert kept is not None and kept.figures.equals(foreseen.figures)
    disputes = pl.col("kpi_id").str.starts_with("dispute_")
    is_doubtful = disputes & pl.col("value_low").ne_missing(pl.col("value_high"))
    assert before.filter(is_doubtful).height > first.filter(is_doubtful).height
    counted = ["denominator", "high_denominator"]  # the row counts now, and no longer only may
    assert not first.filter(disputes).select(counted).equals(after.filter(disputes).select(counted))
    others = ~disputes & (pl.col("kpi_id") != "grid_event_closure_rate")
    assert before.filter(others).equals(after.filter(others))
    closed = {one.subject for one in tickets_before} - {one.subject for one in Tickets(desk.store).all() if one.is_open}
    assert closed and {one.dataset for one in closed} == {"grid_disputes"}

    # Why it moved, with nothing left over; and that it is all whole, and doing it again changes nothing.
    older, newer = last_two(desk.home)
    explained = explain(desk.home, older, newer)
    assert {cause for cause, state in explained.causes.items() if state == "changed"} == {"steward_decision"}
    assert explained.parts["cause"].unique().to_list() == ["steward_decision"]
    assert verify(desk.home).damages == []
    again = desk.run()
    assert again.files == [] and again.publication is not None and not again.publication.is_new


def test_what_may_be_accepted_leaves_an_edition_that_passes_every_gate(desk: Desk) -> None:
    acceptable = {
        (dataset, rule.id)
        for dataset, contract in load_contracts().items()
        for rule in rule_catalogue(contract, sample=True) if rule.is_acceptable
    }  # fmt: skip
    rows = [
        row for row in desk.rows.iter_rows(named=True)
        if {(row["dataset"], rule) for rule in row["rules"]} <= acceptable
    ]  # fmt: skip
    broken = {(row["dataset"], rule) for row in rows for rule in row["rules"]}
    assert len(broken) > 40
    views = [
        row_view(desk.home, desk.store, desk.county, desk.rows, row["batch_id"], row["row_number"]) for row in rows
    ]  # fmt: skip
    alone = Decisions(desk.store, two_persons=False)
    alone.make([settling.accept(view, "查阅凭证属实", is_sample=True) for view in views], LI)
    published = desk.run().publication
    assert published is not None and published.is_new
    assert not any(desk.is_open(view) for view in views)


def test_decisions_carry_over_to_a_new_delivery_where_rows_are_equal_and_reopen_where_not(desk: Desk) -> None:
    kept, changed = (
        next(view for view in desk.breaking("grid_disputes", rule) if view.file_name.endswith(".csv"))
        for rule in ("kind.known_value", "deaths.range")
    )
    desk.decisions.make([settling.reject(kept, "不属于本县"), settling.reject(changed, "不属于本县")], LI)
    desk.run()
    assert not desk.is_open(kept) and not desk.is_open(changed)
    for view in (kept, changed):
        slot = view.row.slot
        source = desk.home.landing / slot.supplier_id / slot.dataset / slot.period / view.file_name
        land(desk.home, slot, "再报.csv", delivered_again(source, view, is_changed=view is changed))
    desk.run()
    # One line further down, and the same row; or in its place, and another one.
    assert not desk.rows.filter((pl.col("supplier_id") == kept.row.slot.supplier_id)
                                & (pl.col("row_number") == kept.row.row_number + 1) & (pl.col("dataset") == "grid_disputes")
                                & (pl.col("period").dt.strftime("%Y-%m") == kept.row.slot.period)).height  # fmt: skip
    assert desk.is_open(changed)
    for decision in desk.decisions.in_force():
        desk.decisions.withdraw(decision.decision_id, LI, "误操作")
    desk.run()
    assert verify(desk.home).damages == []
    assert all(row["base_batch_id"] is None for row in desk.store.current_batches())


def delivered_again(source: Path, view: RowView, *, is_changed: bool) -> bytes:
    """A file with a blank line put before its first data row, or with another number of injuries in the row."""
    content = source.read_bytes()
    encoding = "gb18030" if view.cells and not _is_utf8(content) else "utf-8"
    lines = content.decode(encoding).splitlines(keepends=True)
    if is_changed:
        number = view.row.row_number - 1
        cells = lines[number].rstrip("\r\n").split(",")
        lines[number] = ",".join([*cells[:-1], "7"]) + "\r\n"
    else:
        header = next(place for place, line in enumerate(lines) if "纠纷编号" in line or "案件编号" in line or "编号" in line)
        lines.insert(header + 1, "," * lines[header].count(",") + "\r\n")
    return "".join(lines).encode(encoding)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_settling_a_step_of_the_work_list_by_command_decides_the_verdicts_that_it_names(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(desk.home.root))
    warehouse = Command()
    step = warehouse.answer("steward", "next")["steps"][0]
    work, before = desk.work(), desk.figures()
    hanging = work.verdicts.filter(pl.col("verdict_id").is_in(work.bundles[0].verdicts))
    assert (step["decides"], set(step["kpis"])) == (hanging.height, set(hanging["kpi_id"]))
    assert step["decides"] > len(step["rows"])
    rows = [(row["batch_id"], row["row_number"]) for row in step["rows"]]
    views = [row_view(desk.home, desk.store, desk.county, work.rows, batch, number) for batch, number in rows]
    foreseen = preview(desk.home, desk.county, desk.store, [settling.reject(view, "不属于本县") for view in views])
    for batch, number in rows:
        sent = warehouse.answer("steward", "reject", batch[:8], str(number), "--reason", "不属于本县")["decision"]
        assert (sent["kind"], sent["state"], sent["batch_id"], sent["row_number"]) == ("reject", "in_force", batch, number)
    assert warehouse.answer("run", "--as-of", f"{AS_OF}")["is_new_edition"]
    named, after = hanging.select(PLACES), desk.figures()
    verdicts = [
        named.join(figures.filter(unit_basis="as_was"), on=PLACES, nulls_equal=True)["certainty"].to_list()
        for figures in (before, after)
    ]
    assert verdicts == [["undetermined"] * named.height, ["confirmed"] * named.height]
    assert foreseen.select(MOVED).sort(PLACES).equals(moved(before, after, foreseen))
    # They are off the list, and nothing of what is left there rests on a row that was settled.
    left = [(row["batch_id"], row["row_number"]) for one in warehouse.answer("steward", "next")["steps"] for row in one["rows"]]
    assert not set(rows) & set(left)


def test_the_work_is_done_by_command_too_and_tells_no_identity_number(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(desk.home.root))
    told: list[str] = []

    def warehouse(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["steward", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        told.append(result.output)
        return result.output

    row = desk.rows.filter(dataset="grid_residents").row(0, named=True)
    batch, number = row["batch_id"][:8], str(row["row_number"])
    assert "判定即可确定" in warehouse("next")
    warehouse("list", "--dataset", "grid_residents")
    ticket = next(one for one in Tickets(desk.store).all() if one.subject.rule_id in row["rules"] and one.subject.dataset == "grid_residents")  # fmt: skip
    assert ticket.subject.rule_id in warehouse("rows", "--ticket", str(ticket.ticket_id), "--json")
    shown = warehouse("row", batch, number)
    assert "******" in shown
    sent = json.loads(warehouse("send-back", batch, number, "--reason", "请核对", "--due", "2099-01-01", "--json"))["decision"]
    assert (sent["kind"], sent["state"], sent["row_number"]) == ("send_back", "in_force", row["row_number"])
    assigned = json.loads(warehouse("assign", str(ticket.ticket_id), "--to", "王工", "--due", "2099-01-01", "--json"))["ticket"]
    assert (assigned["assignee"], assigned["due"]) == ("王工", "2099-01-01")
    (sheet,) = json.loads(warehouse("sheet", row["supplier_id"], "--to", str(tmp_path), "--json"))["sheets"]
    slot = Slot(row["supplier_id"], "grid_residents", f"{row['period']:%Y-%m}")
    assert (sheet["file"], sheet["rows"]) == (sheet_name(slot), 1)
    book = openpyxl.load_workbook(tmp_path / sheet_name(slot))
    assert book.worksheets[0].protection.sheet
    told.append(" ".join(str(cell.value) for line in book.worksheets[0] for cell in line))
    assert "待他人复核" not in warehouse("decisions")
    assert "已撤回" in warehouse("withdraw", str(sent["decision_id"]), "--reason", "误操作")
    assert "已撤回" in warehouse("decisions")
    assert pl.Series(told).str.contains(IDENTIFIER).any() is False
