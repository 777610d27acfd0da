"""Four editions of the sample county, each one cause apart: every change is explained, in full, by the right cause."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines import explain as explain_module
from pipelines.cli import app
from pipelines.county import load_county, save_county
from pipelines.editions import Edition, find_edition, list_editions
from pipelines.explain import Explanation, explain
from pipelines.explain_account import KEY
from pipelines.manifests import MANIFEST, SEAL
from pipelines.run import run
from pipelines.settings import SHANGHAI, Home, add_months, month_start
from tests.flow.conftest import AS_OF, copied

FIGURE = KEY.split(", ")
LATE, NEW, CORRECTED = "grid_disputes", "police_residence_registrations", "civil_facilities"
TOLERANT_KPI, NEWLY_JUDGED_KPI = "dispute_handling_rate", "grid_event_closure_rate"


@dataclass(frozen=True)
class Told:
    """The county after its four editions."""

    home: Home
    ids: list[str]

    def edition(self, number: int) -> Edition:
        return find_edition(self.home, self.ids[number - 1])

    def explained(self, older: int, newer: int) -> Explanation:
        return explain(self.home, self.edition(older), self.edition(newer))


def hold_back(home: Home, supplier: str, dataset: str) -> dict[Path, Path]:
    """Takes every month of a dataset out of landing; where each was, and where it waits."""
    places = sorted((home.landing / supplier / dataset).iterdir())
    waiting = home.root / "waiting" / dataset
    waiting.mkdir(parents=True)
    return {place: place.rename(waiting / place.name) for place in places}


def deliver(held_back: dict[Path, Path], day: int) -> None:
    """Puts the months back, each as delivered on this day of the month after it; they close on the 10th."""
    for place, waiting in held_back.items():
        shutil.move(waiting, place)
        received = datetime.combine(add_months(month_start(place.name), 1).replace(day=day), time(12), SHANGHAI)
        for path in place.iterdir():
            os.utime(path, (received.timestamp(), received.timestamp()))


def change_settings(home: Home) -> None:
    """A tolerance for one KPI, and a target for another that no document sets one for."""
    county = load_county(home.county_file)
    parameters = county.parameters.model_dump()
    parameters["tolerances"] |= {TOLERANT_KPI: Decimal(99)}
    parameters["targets"] = [*parameters["targets"], {"kpi_id": NEWLY_JUDGED_KPI, "value_1": 100}]
    changed = county.model_dump() | {"parameters": parameters}
    save_county(type(county).model_validate(changed), home.county_file)


@pytest.fixture(scope="module")
def told(delivered: Home, tmp_path_factory: pytest.TempPathFactory) -> Told:
    home = copied(delivered, tmp_path_factory.mktemp("told"))
    late = hold_back(home, min(path.name for path in home.landing.glob("grid_*")), LATE)
    new = hold_back(home, "county_police", NEW)
    ids = [_publish(home)]
    deliver(late, 20)
    deliver(new, 5)
    ids.append(_publish(home))
    for folder in (home.landing / "county_civil" / CORRECTED).iterdir():
        (folder / "corrected.csv").write_text(
            "设施编号,社区代码,设施类型,建筑面积,室外面积,取得方式,启用日期,停用日期,功能室,亲民化改造日期\n"
            f"F1,610629001002,综合服务,5000.{folder.name[-2:]},,新建,2020-01-01,,,\n",
            encoding="utf-8",
        )
    ids.append(_publish(home))
    change_settings(home)
    ids.append(_publish(home))
    return Told(home, ids)


def _publish(home: Home) -> str:
    publication = run(home, as_of=AS_OF).publication
    assert publication is not None and publication.is_new
    return publication.edition_id


def published(edition: Edition) -> pl.DataFrame:
    """One row per figure, from the edition itself."""
    return pl.read_parquet(edition.table("fct_kpi")).group_by(FIGURE).agg(pl.max("numerator", "denominator"))


def differences(older: Edition, newer: Edition) -> pl.DataFrame:
    """The figures whose numbers differ between two editions, found without the account."""
    both = published(older).join(published(newer), on=FIGURE, how="full", coalesce=True, suffix="_after")
    deltas = [(pl.col(f"{name}_after").fill_null(0) - pl.col(name).fill_null(0)).alias(name) for name in ("numerator", "denominator")]
    return both.select(*FIGURE, *deltas).filter((pl.col("numerator") != 0) | (pl.col("denominator") != 0)).sort(FIGURE)


def summed(parts: pl.DataFrame) -> pl.DataFrame:
    """What all causes of a figure give together, where that is not nothing."""
    totals = parts.group_by(FIGURE).agg(numerator=pl.sum("delta_numerator"), denominator=pl.sum("delta_denominator"))
    return totals.filter((pl.col("numerator") != 0) | (pl.col("denominator") != 0)).sort(FIGURE)


def datasets_of(told: Told, parts: pl.DataFrame) -> list[list[str]]:
    kpis = pl.read_parquet(told.edition(1).table("dim_kpi")).select("kpi_id", "datasets")
    return list(parts.join(kpis, on="kpi_id")["datasets"].to_list())


def of_cause(explanation: Explanation, cause: str) -> pl.DataFrame:
    deltas = explanation.parts.filter(cause=cause).drop("cause", "changes_judgement")
    return deltas.filter((pl.col("delta_numerator") != 0) | (pl.col("delta_denominator") != 0)).sort(FIGURE)


@pytest.mark.parametrize(("older", "newer"), [(1, 2), (2, 3), (3, 4), (1, 4), (3, 2)])
def test_the_causes_of_every_figure_add_up_to_its_whole_change(told: Told, older: int, newer: int) -> None:
    explanation = told.explained(older, newer)
    found = differences(told.edition(older), told.edition(newer))
    assert summed(explanation.parts).equals(found)
    assert found.is_empty() == ((older, newer) == (3, 4))


@pytest.mark.parametrize(("older", "newer"), [(1, 2), (2, 3), (3, 4), (1, 4)])
def test_every_changed_figure_has_a_cause_and_no_other_figure_is_named(told: Told, older: int, newer: int) -> None:
    columns = [*FIGURE, "target_id", "numerator", "denominator", "status", "certainty", "shortfall"]
    before, after = (pl.read_parquet(told.edition(number).table("fct_kpi"), columns=columns) for number in (older, newer))
    changed = pl.concat([
        before.join(after, on=columns, how="anti", nulls_equal=True),
        after.join(before, on=columns, how="anti", nulls_equal=True),
    ]).select(FIGURE).unique().sort(FIGURE)  # fmt: skip
    explanation = told.explained(older, newer)
    assert explanation.parts.select(FIGURE).unique().sort(FIGURE).equals(changed)
    assert explanation.figures.select(FIGURE).unique().sort(FIGURE).equals(changed)
    assert changed.height > 10


def test_what_came_by_the_cut_off_is_new_and_what_came_after_it_is_late(told: Told) -> None:
    explanation = told.explained(1, 2)
    assert set(explanation.parts["cause"]) == {"new_data", "late_data"}
    late = explanation.parts.filter(cause="late_data")
    new = explanation.parts.filter(cause="new_data")
    assert all(LATE in datasets for datasets in datasets_of(told, late))
    assert all(NEW in datasets for datasets in datasets_of(told, new))
    assert of_cause(explanation, "late_data")["delta_denominator"].sum() > 0
    assert of_cause(explanation, "new_data")["delta_numerator"].sum() > 0


def test_another_file_for_a_slot_is_a_correction(told: Told) -> None:
    parts = told.explained(2, 3).parts
    assert set(parts["cause"]) == {"corrections"}
    assert all(CORRECTED in datasets for datasets in datasets_of(told, parts))
    assert (parts["delta_numerator"] % 1 != 0).any(), "areas keep their decimals"


def test_settings_and_targets_change_judgements_only_and_are_told_apart(told: Told) -> None:
    parts = told.explained(3, 4).parts
    assert parts.select(pl.col("delta_numerator", "delta_denominator").abs().sum()).row(0) == (0, 0)
    by_cause = {cause: set(rows["kpi_id"]) for (cause,), rows in parts.group_by("cause")}
    assert by_cause == {"settings": {TOLERANT_KPI}, "target": {NEWLY_JUDGED_KPI}}
    judged = told.explained(3, 4).figures.filter(pl.col("target_id").str.starts_with("county"))
    assert set(judged["older_status"]) == {None} and "met" in set(judged["newer_status"])


def test_over_several_editions_each_cause_has_the_part_that_it_had_alone(told: Told) -> None:
    whole = told.explained(1, 4)
    for cause, (older, newer) in {"late_data": (1, 2), "new_data": (1, 2), "corrections": (2, 3)}.items():
        assert of_cause(whole, cause).equals(of_cause(told.explained(older, newer), cause))
    assert whole.causes == {
        "definition": "unchanged", "settings": "changed", "unit_change": "unchanged", "new_data": "changed",
        "late_data": "changed", "corrections": "changed", "target": "changed", "re_linking": "unchanged",
        "steward_decision": "unchanged",
    }  # fmt: skip


def test_what_other_code_published_differs_by_definition_and_by_nothing_more(told: Told) -> None:
    # An edition as other code would have made it: with one figure that the present code gives 1,000 less for.
    older = told.edition(1)
    folder = older.folder.with_name("20200101T000000-00000000")
    shutil.copytree(older.folder, folder)
    manifest = older.manifest | {"code_version": "other"}
    del manifest["county"]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    figures = pl.read_parquet(older.table("fct_kpi"))
    known = figures.filter(pl.col("numerator") > 0).select(FIGURE)
    changed = of_cause(told.explained(1, 2), "late_data").join(known, on=FIGURE, how="semi").row(0, named=True)
    is_changed = pl.all_horizontal([pl.col(name) == changed[name] for name in FIGURE])
    more = pl.when(is_changed).then(pl.col("numerator") + 1_000).otherwise(pl.col("numerator"))
    shutil.rmtree(folder / "fct_kpi")
    figures.with_columns(more.cast(figures.schema["numerator"]).alias("numerator")).write_parquet(folder / "fct_kpi.parquet")
    try:
        explanation = explain(told.home, find_edition(told.home, folder.name), told.edition(2))
    finally:
        shutil.rmtree(folder)
    defined = explanation.parts.filter(cause="definition")
    assert defined.select(*FIGURE, "delta_numerator", "delta_denominator").rows() == [
        (*(changed[name] for name in FIGURE), Decimal(-1_000), Decimal(0))
    ]
    assert of_cause(explanation, "late_data").equals(of_cause(told.explained(1, 2), "late_data"))
    assert explanation.causes["settings"] == "unknown" and len(explanation.notes) == 1


def test_explaining_changes_nothing_but_the_folder_of_explanations(told: Told) -> None:
    def content() -> dict[str, str]:
        return {
            str(path.relative_to(told.home.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in told.home.root.rglob("*")
            if path.is_file() and not path.is_relative_to(told.home.published / "changes")
        }

    before, pointed_to = content(), told.home.pointer.resolve()
    explanation = told.explained(2, 4)
    assert explanation.causes["corrections"] == explanation.causes["settings"] == "changed", "some figures were computed"
    assert (content(), told.home.pointer.resolve()) == (before, pointed_to)
    assert [path.name for path in explanation.folder.parent.glob(".*")] == [], "drafts are gone"
    assert sorted(path.name for path in explanation.folder.iterdir()) == ["causes.parquet", "figures.parquet", MANIFEST, SEAL]
    assert len(list_editions(told.home)) == 4


def test_what_was_explained_once_is_read_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    first = told.explained(1, 4)
    monkeypatch.setattr(explain_module, "_Walk", None)
    assert told.explained(1, 4) == first


def test_the_command_tells_causes_in_words_and_machines_get_every_change(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(told.home.root))
    shown = CliRunner().invoke(app, ["editions", "diff", *told.ids[:2], "--limit", "5"]).stdout
    assert "示例数据" in shown and "迟报 late data " in shown
    assert len(re.findall(r"\d/[+]\d", shown)) == 5, "one cause each, and cases that were not there before"
    found = json.loads(CliRunner().invoke(app, ["editions", "diff", *told.ids[:2], "--json"]).stdout)
    explanation = told.explained(1, 2)
    assert [found["older"], found["newer"]] == told.ids[:2]
    assert len(found["changes"]) == explanation.parts.select(FIGURE).unique().height
    assert found["causes"]["late_data"]["figures"] == explanation.parts.filter(cause="late_data").height
    assert all(change["unit_name"] and change["kpi_zh"] and change["period_zh"] for change in found["changes"])
    for change in found["changes"]:
        deltas = [sum(part[place] for part in change["causes"].values()) for place in (0, 1)]
        older, newer = ([change[f"{side}_{name}"] or 0 for name in ("numerator", "denominator")] for side in ("older", "newer"))
        assert [older[0] + deltas[0], older[1] + deltas[1]] == pytest.approx(newer)


def test_without_names_the_last_two_editions_are_compared(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(told.home.root))
    found = json.loads(CliRunner().invoke(app, ["editions", "diff", "--json"]).stdout)
    assert [found["older"], found["newer"]] == told.ids[2:]
    assert {change["kpi_id"] for change in found["changes"]} == {TOLERANT_KPI, NEWLY_JUDGED_KPI}
