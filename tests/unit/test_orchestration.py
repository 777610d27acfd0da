"""The Dagster layer around the steps: what is defined, when runs start, and what a failure may tell."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._utils.error import serializable_error_info_from_exc_info
from sqlalchemy.exc import OperationalError

from expectations.contract import load_contracts
from expectations.rules import rule_catalogue
from pipelines.alert_store import Alerts
from pipelines.audit import GATES
from pipelines.county import County, save_county
from pipelines.errors import WarehouseError, Words
from pipelines.landing import LandedFile
from pipelines.orchestration.definitions import defs
from pipelines.orchestration.instance import DEFINITIONS, write_settings
from pipelines.orchestration.launcher import WatchedRunLauncher
from pipelines.orchestration.manifest import load_manifest
from pipelines.orchestration.policies import MONTHS, POOL
from pipelines.orchestration.triggers import (
    alerts,
    closed_month,
    closed_month_to_judge,
    landed_files,
    late_files,
    run_key,
)
from pipelines.orchestration.warehouse import WarehouseRun
from pipelines.settings import REPO, SHANGHAI, Home
from pipelines.store import Slot, Store
from tests.support.asset_graph import SNAPSHOT, describe

HOUR_AGO = 3600


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    store = Store.at(home.store)
    yield store
    store.close()


# --- what is defined ----------------------------------------------------------------------------------------


def test_the_asset_graph_is_the_one_that_was_agreed(definitions: dg.Definitions) -> None:
    found = describe(definitions)
    assert found == SNAPSHOT.read_text(encoding="utf-8"), "if meant: python -m tests.support.asset_graph"


def test_every_dataset_is_a_monthly_asset_and_every_rule_of_it_belongs_to_one_check(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    for dataset, contract in load_contracts().items():
        assert graph.get(dg.AssetKey(dataset)).partitions_def == MONTHS
        inside = [graph.get_check_spec(check) for check in graph.get(dg.AssetKey(dataset)).check_keys]
        across = graph.get_check_spec(dg.AssetCheckKey(dg.AssetKey("control"), dataset))
        told = [rule for check in [*inside, across] for rule in (check.metadata or {}).get("rules", [])]
        assert sorted(told) == sorted(rule.id for rule in rule_catalogue(contract, sample=False))


def test_every_test_of_the_dbt_project_is_a_check_that_blocks_the_edition(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    blocking = {
        check.name
        for key in graph.get_all_asset_keys()
        for check in graph.get(key).check_keys
        if graph.get_check_spec(check).blocking
    }
    manifest = load_manifest(Home.from_environment())
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert tests
    assert blocking >= tests | set(GATES)


def test_the_edition_comes_after_everything_else(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    edition = dg.AssetKey("edition")
    assert not graph.get(edition).child_keys
    waiting, before = [edition], set()
    while waiting:
        parents = graph.get(waiting.pop()).parent_keys - before
        before |= parents
        waiting += parents
    used = {dg.AssetKey(dataset) for dataset in load_contracts()} | {
        dg.AssetKey("control"),
        dg.AssetKey("fct_kpi"),
    }
    assert before >= used


def test_every_asset_is_tried_again_watched_for_freshness_and_in_the_pool_of_the_one_writer(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        op = node.assets_def.op
        assert op.pool == POOL, key
        assert op.retry_policy is not None, key
        assert node.freshness_policy is not None, key


def test_definitions_load_without_network_secrets_county_or_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    before = {path.name for path in (REPO / "data").iterdir()}
    script = f"""
        import socket
        def refuse(*_): raise OSError("no network here")
        socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
        from {DEFINITIONS} import defs
        repository = defs().get_repository_def()
        print(len(repository.asset_graph.get_all_asset_keys()), repository.get_job("month").name)
    """
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=REPO, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "month"
    assert list(home.iterdir()) == []
    assert {path.name for path in (REPO / "data").iterdir()} <= before | {"dagster"}


def test_importing_the_entry_point_builds_nothing_and_the_rest_needs_no_dagster() -> None:
    script = "import sys, pipelines.cli, pipelines.run, pipelines.serving; print('dagster' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_manifest_is_parsed_once_for_each_state_of_the_project(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    monkeypatch.setattr(
        "pipelines.orchestration.manifest._parse", lambda: parsed.append(1) or b'{"nodes": {}}'
    )
    assert load_manifest(home) == load_manifest(home) == {"nodes": {}}
    assert len(parsed) == 1
    monkeypatch.setattr("pipelines.orchestration.manifest.project_digest", lambda: "changed")
    load_manifest(home)
    assert len(parsed) == 2
    assert [path.name for path in (home.dagster / "dbt").iterdir()] == ["manifest-changed.json"]


def test_a_data_root_that_cannot_be_written_to_still_has_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    monkeypatch.setattr("pipelines.orchestration.manifest._parse", lambda: b'{"nodes": {}}')
    assert load_manifest(Home(tmp_path / "data")) == {"nodes": {}}


# --- what starts runs ---------------------------------------------------------------------------------------


def deliver(home: Home, month: str, name: str = "a.csv", content: str = "1", age: float = HOUR_AGO) -> Path:
    path = home.landing / "county_civil" / "civil_communities" / month / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    changed = datetime.now().timestamp() - age
    os.utime(path, (changed, changed))
    return path


@pytest.fixture
def county_home(home: Home, county: County, monkeypatch: pytest.MonkeyPatch) -> Home:
    save_county(county, home.county_file)
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    return home


def tick() -> list[dg.RunRequest | dg.SkipReason]:
    """What one look of the sensor asks for."""
    return list(cast(Any, landed_files()))


def requests() -> list[dg.RunRequest]:
    return [answer for answer in tick() if isinstance(answer, dg.RunRequest)]


def test_the_sensor_says_what_is_missing_where_there_is_no_county(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    (answer,) = tick()
    assert isinstance(answer, dg.SkipReason)
    assert "warehouse init" in str(answer.skip_message)


def test_the_sensor_starts_one_run_for_each_month_with_settled_files(county_home: Home) -> None:
    deliver(county_home, "2026-01")
    deliver(county_home, "2026-01", "b.csv", "2")
    deliver(county_home, "2026-03")
    assert [request.partition_key for request in requests()] == ["2026-01", "2026-03"]


def test_the_sensor_leaves_files_that_are_still_being_written_or_belong_nowhere(county_home: Home) -> None:
    deliver(county_home, "2026-01", age=0)
    deliver(county_home, "2026-01", "b.csv.part")
    deliver(county_home, "January")
    assert requests() == []


def test_a_month_outside_the_partitions_is_named_and_starts_nothing(county_home: Home) -> None:
    deliver(county_home, "2011-01")
    (answer,) = tick()
    assert isinstance(answer, dg.SkipReason)
    assert "2011-01" in str(answer.skip_message)


def test_the_same_waiting_files_have_the_same_run_key_until_one_changes(county_home: Home) -> None:
    deliver(county_home, "2026-01")
    first, again = requests(), requests()
    assert first[0].run_key == again[0].run_key
    deliver(county_home, "2026-01", "b.csv", "2")
    assert requests()[0].run_key != first[0].run_key


def test_a_run_key_follows_the_bytes_and_not_the_name_or_time() -> None:
    slot = Slot("s", "civil_communities", "2026-01")
    one = LandedFile(Path("a.csv"), slot, 1, 1, "hash")
    renamed = LandedFile(Path("b.csv"), slot, 1, 2, "hash")
    other = LandedFile(Path("a.csv"), slot, 1, 1, "other")
    assert run_key("2026-01", [one]) == run_key("2026-01", [renamed]) != run_key("2026-01", [other])


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 6, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (at(2026, 7, 10), "2026-05"),
        (at(2026, 7, 11), "2026-06"),
        (at(2026, 7, 31), "2026-06"),
        (at(2027, 1, 11), "2026-12"),
    ],
)
def test_a_month_is_judged_from_the_day_after_its_cut_off(
    county: County, store: Store, now: datetime, month: str
) -> None:
    assert closed_month_to_judge(county, store, now) == month


@pytest.mark.parametrize(
    ("as_of", "outcome", "is_due"),
    [
        ("2026-07-11", "published", False),
        ("2026-07-11", "unchanged", False),
        ("2026-07-10", "published", True),  # the month was not closed yet on that day
        ("2026-07-11", "failed", True),
        ("2026-07-11", "partial", True),
        ("2026-07-11", None, True),  # it died
    ],
)
def test_a_closed_month_is_judged_until_a_run_went_through(
    county: County, store: Store, as_of: str, outcome: str | None, is_due: bool
) -> None:
    store.start_run("20260711T000000", datetime.fromisoformat(as_of).date())
    if outcome is not None:
        store.finish_run("20260711T000000", outcome)
    assert (closed_month_to_judge(county, store, at(2026, 7, 12)) == "2026-06") is is_due


def test_the_schedules_ask_for_the_closed_month_and_for_months_with_files(county_home: Home) -> None:
    context = dg.build_schedule_context(scheduled_execution_time=at(2026, 7, 11))
    (request,) = cast(Any, closed_month(context))
    assert request.partition_key == "2026-06"
    (skipped,) = cast(Any, late_files())
    assert isinstance(skipped, dg.SkipReason)
    deliver(county_home, "2026-02")
    (request,) = cast(Any, late_files())
    # without a run key: what the sensor asked for before, and what failed, is asked for again
    assert (request.partition_key, request.run_key) == ("2026-02", None)


# --- alerts between runs ------------------------------------------------------------------------------------

DYING = """
import os, signal
from pipelines.run import open_session, recorded
from pipelines.settings import Home
with open_session(Home.from_environment()) as session, recorded(session):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_and_a_delivery_that_did_not_come_are_noticed(county_home: Home) -> None:
    died = subprocess.run([sys.executable, "-c", DYING], cwd=REPO, check=False)
    assert died.returncode == -9
    assert "0 messages sent" in str(cast(dg.SkipReason, alerts()).skip_message)
    store = Store.of(county_home)
    kinds = {one.cause.kind for one in Alerts(store).all(is_open=True)}
    numbers = [one.number for one in Alerts(store).all()]
    alerts()
    assert kinds == {"run_died", "delivery_missing"}
    assert [one.number for one in Alerts(store).all()] == numbers
    store.close()


def test_without_a_county_there_is_nothing_to_look_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    assert "county.yml" in str(cast(dg.SkipReason, alerts()).skip_message)


# --- what a failure tells, and what becomes of a run --------------------------------------------------------


def failing_step(error: Exception) -> tuple[dg.Failure, str]:
    """What Dagster gets of an error in a step: the failure, and everything it would store of it."""
    run = WarehouseRun(cast(Any, None), cast(Any, None), 0)
    try:
        with run.step("any"):
            raise error
    except dg.Failure as failure:
        assert run.failure is error
        return failure, str(serializable_error_info_from_exc_info(sys.exc_info()))
    raise AssertionError("the step did not fail")


def test_no_text_of_a_foreign_error_reaches_dagster() -> None:
    failure, stored = failing_step(ValueError("Could not convert '999629199001011234' to INT64"))
    assert "999629199001011234" not in stored + repr(failure.metadata)
    assert failure.description == "ValueError"
    assert "failing_step" in str(failure.metadata["where"].value)


def test_our_own_errors_keep_their_words_in_both_languages() -> None:
    words = Words("中文", "English")
    failure, _ = failing_step(WarehouseError(words, where="x", expected=words, found=words, advice=words))
    assert "中文" in str(failure.description)
    assert "English" in str(failure.description)


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (OSError("disk"), True),
        (OperationalError("insert", {}, Exception("locked")), True),
        (ValueError("defect"), False),
        (WarehouseError(*[Words("", "")], where="", expected=Words("", ""), found=Words("", ""), advice=Words("", "")), False),
    ],
)  # fmt: skip
def test_only_what_may_go_well_next_time_is_tried_again(error: Exception, is_tried_again: bool) -> None:
    assert failing_step(error)[0].allow_retries is is_tried_again


def test_a_step_that_succeeds_at_its_second_attempt_leaves_no_failure() -> None:
    run = WarehouseRun(cast(Any, None), cast(Any, None), 0)
    with pytest.raises(dg.Failure), run.step("any"):
        raise OSError
    with run.step("any"):
        pass
    assert run.failure is None


def test_dagster_accepts_the_settings_and_phones_nobody(home: Home) -> None:
    write_settings(home, home.dagster / "code.sock")
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        assert instance.telemetry_enabled is False
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        assert instance.run_monitoring_enabled


def test_a_run_whose_process_is_gone_is_told_from_one_that_lives(home: Home) -> None:
    write_settings(home, home.dagster / "code.sock")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        launcher = instance.run_launcher
        statuses = []
        for pid in (None, os.getpid(), ended.pid):
            run = instance.create_run_for_job(nothing)
            if pid is not None:
                instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))
            statuses.append(launcher.check_run_worker_health(run).status)
    assert statuses == [WorkerStatus.RUNNING, WorkerStatus.RUNNING, WorkerStatus.FAILED]


@dg.job
def nothing() -> None:
    """A job without steps."""
