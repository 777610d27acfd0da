"""Dagster's job and `warehouse run` are the same steps: same editions, same ledger, same refusals to publish."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from expectations.contract import load_contracts
from expectations.runner import ReconciliationError
from pipelines.audit import GATES
from pipelines.build import BuildResult
from pipelines.dbt_child.protocol import BuiltNode
from pipelines.orchestration.definitions import defs
from pipelines.orchestration.instance import write_settings
from pipelines.publish import current_manifest
from pipelines.settings import Home, add_months, month_name, month_start
from pipelines.store import Store
from tests.flow.conftest import AS_OF, MONTHS, copied

CopyOf = Callable[[Home], Home]
FIRST = "2026-01"


@pytest.fixture(scope="module")
def job() -> dg.JobDefinition:
    return defs().resolve_job_def("month")


@pytest.fixture(scope="module")
def after_datasets(job: dg.JobDefinition) -> dg.JobDefinition:
    """The steps after all datasets, for runs in which nothing new was delivered."""
    datasets = load_contracts()
    steps = {key for key in job.asset_layer.executable_asset_keys if key.to_user_string() not in datasets}
    return job.get_subset(asset_selection=steps)


def execute(
    job: dg.JobDefinition, home: Home, month: str, instance: dg.DagsterInstance | None = None
) -> dg.ExecuteInProcessResult:
    config = {"root": str(home.root), "as_of": AS_OF.isoformat(), "settled_seconds": 0.0}
    return job.execute_in_process(
        partition_key=month,
        raise_on_error=False,
        run_config={
            "resources": {"warehouse": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},  # hundreds of events otherwise
        },
        instance=instance,
    )


def manifest(home: Home) -> dict[str, Any]:
    current = current_manifest(home)
    assert current is not None
    return current


def ledger(home: Home) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What the ledger says of every delivery and slot, without what depends on the run: ids, order, key."""
    store = Store.at(home.store)
    deliveries = sorted(
        (
            row["supplier_id"],
            row["dataset"],
            row["period"],
            row["file_hash"],
            row["outcome"],
            row["refusal_code"] or "",
        )
        for row in store.deliveries()
    )
    slots = sorted(
        (
            slot.supplier_id,
            slot.dataset,
            slot.period,
            state["batch_id"] is not None,
            state["is_correction_refused"],
        )
        for slot, state in store.slots().items()
    )
    store.close()
    return deliveries, slots


def last_run(home: Home) -> dict[str, Any]:
    store = Store.at(home.store)
    run = store.last_run()
    store.close()
    assert run is not None
    return run


def files_with_numbers(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and re.search(rb"999\d{14}[0-9Xx]", path.read_bytes())
    ]


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        event.asset_key.to_user_string()
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def failed_checks(result: dg.ExecuteInProcessResult, asset: str) -> set[str]:
    return {
        check.check_name
        for check in result.get_asset_check_evaluations()
        if check.asset_key.to_user_string() == asset and not check.passed
    }


def data_docs(home: Home) -> list[str]:
    """What the Data Docs say of every validation, whichever run it was in; each run has its own page."""
    assert len(list(home.data_docs.glob("*/index.html"))) == len(list(home.data_docs.glob("*/validations.jsonl")))
    return sorted(line for path in home.data_docs.glob("*/validations.jsonl") for line in path.read_text("utf-8").splitlines())


def test_month_after_month_in_dagster_the_last_one_first_gives_the_edition_and_the_ledger_of_one_run(
    job: dg.JobDefinition, delivered: Home, published: Home, copy_of: CopyOf
) -> None:
    home = copy_of(delivered)
    write_settings(home, home.dagster / "code.sock")
    first, *others = [month_name(add_months(month_start(FIRST), number)) for number in range(MONTHS)][::-1]
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        assert execute(job, home, first, instance).success
    for month in others:  # what Dagster keeps of one month is enough to look through
        assert execute(job, home, month).success
    assert manifest(home)["content_hash"] == manifest(published)["content_hash"]
    assert ledger(home) == ledger(published)
    assert last_run(home)["outcome"] == "published"
    assert data_docs(home) == data_docs(published)
    # What Dagster keeps of its runs holds nobody's number; those of the sample begin with 999.
    assert files_with_numbers(home.landing)
    assert files_with_numbers(home.dagster) == []


@pytest.fixture(scope="module")
def idle(
    job: dg.JobDefinition, published: Home, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, dg.ExecuteInProcessResult]:
    """The published county after Dagster ran over it again, with nothing new to take in. Not to be changed."""
    home = copied(published, tmp_path_factory.mktemp("idle"))
    return home, execute(job, home, FIRST)


def test_dagster_finds_nothing_to_do_after_a_run(
    idle: tuple[Home, dg.ExecuteInProcessResult], published: Home
) -> None:
    home, result = idle
    assert result.success
    assert "control" in materialized(result)
    assert not materialized(result) & {"fct_kpi", "edition"}
    edition = manifest(published)["edition_id"]
    assert manifest(home)["edition_id"] == edition
    assert (last_run(home)["outcome"], last_run(home)["edition_id"]) == ("unchanged", edition)


def test_checks_count_what_the_ledger_counts(idle: tuple[Home, dg.ExecuteInProcessResult]) -> None:
    home, result = idle
    store = Store.at(home.store)
    current = {row["batch_id"] for row in store.current_batches()}
    counted: Counter[tuple[str, str]] = Counter()
    for row in store.latest_rule_results(None, FIRST):
        if row["batch_id"] in current:
            counted[row["dataset"], row["rule_id"]] += row["rows_failed"]
    store.close()
    shown = {
        (check.asset_key.to_user_string(), rule): entry.value
        for check in result.get_asset_check_evaluations()
        for rule, entry in check.metadata.items()
    }
    assert counted.total() > 0
    assert counted.items() <= shown.items()


def test_a_failed_gate_fails_the_run_and_leaves_the_edition(
    after_datasets: dg.JobDefinition, published: Home, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(published)
    before = manifest(home)
    monkeypatch.setitem(GATES, "identifiers", lambda _: ["fct_kpi.unit_code"])
    monkeypatch.setattr("pipelines.orchestration.warehouse.has_changed", lambda *_: True)
    result = execute(after_datasets, home, FIRST)
    assert not result.success
    assert failed_checks(result, "edition") == {"identifiers"}
    assert manifest(home) == before
    assert last_run(home)["outcome"] == "failed"
    assert "identifiers" in last_run(home)["message"]


def test_a_failed_dbt_test_stops_before_the_edition(
    after_datasets: dg.JobDefinition, published: Home, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(published)
    nodes = [
        BuiltNode("model.governance_warehouse.fct_kpi", "success", 0, 0.1),
        BuiltNode("test.governance_warehouse.bounds_hold", "fail", 3, 0.1),
    ]
    monkeypatch.setattr("pipelines.orchestration.warehouse.has_changed", lambda *_: True)
    monkeypatch.setattr("pipelines.orchestration.warehouse.compute", lambda *_: BuildResult(nodes))
    result = execute(after_datasets, home, FIRST)
    assert not result.success
    assert failed_checks(result, "fct_kpi") == {"bounds_hold"}
    assert "edition" not in {event.step_key for event in result.all_events}
    assert last_run(home)["outcome"] == "failed"
    assert "bounds_hold" in last_run(home)["message"]


def test_verdicts_that_do_not_reconcile_stop_everything_after_the_dataset(
    job: dg.JobDefinition, published: Home, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(published)

    def take_in(*_: object, **__: object) -> None:
        raise ReconciliationError("grid_grids", "key.unique", 1, 2)

    monkeypatch.setattr("pipelines.orchestration.warehouse.take_in", take_in)
    result = execute(job, home, FIRST)
    assert not result.success
    assert failed_checks(result, "grid_grids") == {"verdicts_reconciled"}
    assert materialized(result) == set()
    assert last_run(home)["outcome"] == "failed"


def test_some_assets_alone_are_noted_as_a_part_of_a_run(published: Home, copy_of: CopyOf) -> None:
    home = copy_of(published)
    config = {"root": str(home.root), "as_of": AS_OF.isoformat()}
    part = (
        defs()
        .get_repository_def()
        .get_job("__ASSET_JOB")
        .get_subset(asset_selection={dg.AssetKey("grid_grids")})
    )
    result = part.execute_in_process(
        partition_key=FIRST, run_config={"resources": {"warehouse": {"config": config}}}
    )
    assert materialized(result) == {"grid_grids"}
    assert last_run(home)["outcome"] == "partial"
