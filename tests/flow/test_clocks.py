"""Clocks and the order of arrival change nothing: what is computed follows from the files, the county and the as-of date alone.

dbt asks no clock (`tests/rules/test_architecture.py`), and what it reads are the lake and the control tables. So under every
clock, and after every order of arrival, those and the ledger are compared, and what publishing makes of figures; whole runs, which
take ten seconds each, are few. That whole runs do not depend on the order either is shown by `test_run`,
`test_dagster_equals_run` and `test_postgres`.

`WAREHOUSE_CLOCKS=12` makes a whole run under each of twelve clocks, instead of one; `WAREHOUSE_ORDERS=500` tries as many orders.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from pipelines.actor import Actor
from pipelines.county import County, save_county
from pipelines.editions import current_edition
from pipelines.keys import load_or_create_key
from pipelines.landing import look
from pipelines.publish import current_manifest
from pipelines.run import open_session, prepare, recorded, take_in
from pipelines.settings import REPO, Home
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RuleDraft
from pipelines.store import Store, broken_entries
from pipelines.verify import verify
from tests.support.delivered_files import lines
from tests.support.faked_time import Lying, modules_that_ask, shown
from tests.support.shared import made_once
from tests.support.towns import COUNTY, Place, Row, publish_alone, table
from tests.support.working import TABLES, Working

AS_OF = date(2026, 8, 1)
MONTHS = [f"2026-{month:02d}" for month in range(1, 7)]
SOURCES = {
    "civil": "civil_communities", "grid": "grid_disputes", "household": "household_households", "police": "police_case_returns",
}  # fmt: skip
WHOLE_RUNS = int(os.environ.get("WAREHOUSE_CLOCKS", "1"))
ORDERS = int(os.environ.get("WAREHOUSE_ORDERS", "2"))
CLOCKS = {
    "a clock that runs backwards, in a zone that leaves daylight saving": Lying("2026-11-01T02:00:00-04:00", -1800, "America/New_York"),
    "years before the files": Lying("2001-09-09T01:46:39+00:00", zone="UTC"),
    "the beginning of time": Lying("1970-01-01T00:00:00+00:00", zone="UTC"),
    "a leap day that ends": Lying("2028-02-29T23:59:59+08:00"),
    "a year that ends": Lying("2026-12-31T23:59:59+08:00"),
    "a year that has ended in China and not in the world": Lying("2026-12-31T23:59:59+00:00", 60, "Pacific/Pago_Pago"),
    "daylight saving that begins": Lying("2027-03-14T01:59:59-05:00", 60, "America/New_York"),
    "the day at which is judged, as it ends in China": Lying("2026-08-01T23:59:59+08:00", 1, "Pacific/Kiritimati"),
    "the moment at which a file was written": Lying("2026-07-03T08:00:00+08:00", 0),
    "a clock that stands": Lying("2026-09-01T12:00:00+08:00", 0, "Asia/Kathmandu"),
    "a clock that leaps by weeks": Lying("2026-09-01T12:00:00+08:00", 600_000),
    "the far future": Lying("2999-06-30T12:00:00+08:00", 86_400),
}
Slot = tuple[str, str]  # source, month


# --- six months of four sources --------------------------------------------------------------------------------


def rows(source: str, month: str) -> list[Row]:
    """What a source delivers for a month about two communities of one town."""
    at = Place(1)
    number = int(month[-2:])
    match source:
        case "civil":  # the second one gets another name in April
            return [at.community(at.a, "甲社区"), at.community(at.b, "乙社区" if number < 4 else "新风社区")]
        case "grid":  # one dispute a month, which the next month's file says was handled
            day = f"{number:02d}-20"
            pending = at.dispute(f"D{number}", at.a, day)
            before = at.dispute(f"D{number - 1}", at.a, f"{number - 1:02d}-20", f"{number:02d}-03", "成功")
            return [pending, at.dispute(f"E{number}", at.b, day, day, "成功"), *([before] if number > 1 else [])]
        case "household":  # one more a month; of the last one nobody knows whether it has a plate
            known = [at.household(f"H{more}", at.a, plate=more % 2 == 0) for more in range(number)]
            return [*known, at.household("G", at.b, plate=True), at.household("F", at.b, plate=True) | {"has_door_plate": "不详"}]
        case _:
            return [*at.returns(at.a, number % 3), *at.returns(at.b, 0)]


def county_of_four_sources() -> County:
    return County.model_validate({
        "county_code": COUNTY, "name_zh": "示例县", "sample": True, "first_period": MONTHS[0], "last_period": MONTHS[-1],
        "packs": ["D3"], "suppliers": [{"id": source, "name_zh": source, "covers": [COUNTY]} for source in SOURCES],
        "expected": [{"dataset": dataset, "suppliers": [source], "due_day": 5} for source, dataset in SOURCES.items()],
    })  # fmt: skip


def deliveries() -> dict[Slot, list[tuple[str, bytes]]]:
    """Every file by its slot, in the order in which its supplier sends it: two slots are corrected, one correction is refused."""
    found = {}
    for source, dataset in SOURCES.items():
        for month in MONTHS:
            whole = table(dataset, rows(source, month))
            found[source, month] = [("1.csv", lines(*whole).encode())]
    for slot in (("grid", "2026-02"), ("police", "2026-05")):
        whole = table(SOURCES[slot[0]], rows(*slot))
        found[slot].insert(0, ("0.csv", lines(*whole[:2]).encode()))
    found["household", "2026-03"].append(("2.csv", b"\xff\xfe\x00"))
    return found


FILES = deliveries()
FIRST_MONTHS = [slot for slot in FILES if slot[1] in MONTHS[1:3]]  # with a correction, and one that is refused


def land(home: Home, slots: Iterable[Slot], files: slice = slice(None)) -> None:
    """Puts files of these slots into landing: each with the time at which its supplier wrote it, whenever it comes."""
    for slot in slots:
        source, month = slot
        folder = home.landing / source / SOURCES[source] / month
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in FILES[slot][files]:
            written = 1_783_036_800 + 3600 * (list(FILES).index(slot) + int(name[0]))  # from 2026-07-03 08:00 in China on
            (folder / name).write_bytes(data)
            os.utime(folder / name, (written, written))


@pytest.fixture(scope="module")
def opened() -> Home:
    """A data root with a county and a key, into which nothing has been delivered; not to be changed."""

    def _open(folder: Path) -> None:
        save_county(county_of_four_sources(), Home(folder).county_file)
        load_or_create_key(Home(folder).keys)

    return Home(made_once("clocks-county", _open))


def copy(opened: Home, folder: Path) -> Home:
    shutil.copytree(opened.root, folder)
    return Home(folder)


# --- what decides a figure -------------------------------------------------------------------------------------


def take(home: Home) -> None:
    """A run without dbt: takes in what lies there, applies the rules across files and writes the control tables."""
    with open_session(home, as_of=AS_OF) as session, recorded(session):
        for _ in take_in(session, look(home, session.county, session.store)):
            pass
        prepare(session)


def state(home: Home) -> dict[str, Any]:
    """What dbt is told and the ledger holds, without when and in which order somebody looked."""
    told: dict[str, Any] = {
        path.stem: sorted(pl.read_parquet(path).rows(), key=str) for path in home.control.glob("*.parquet")
    }
    with closing(Store.of(home)) as store:
        log = store.deliveries()
        told["slots"] = sorted((str(slot), str(now)) for slot, now in store.slots().items())
        told["log"] = sorted((entry["file_hash"], entry["outcome"], str(entry["refusal_code"]), entry["received_at"]) for entry in log)
        told["batches"] = sorted((row["batch_id"], row["content_hash"], row["rows_data"]) for row in store.current_batches())
        assert broken_entries(log) == []
    kept = {path for path in home.lake.rglob("*.parquet") if path.name != "kept.parquet"}  # which names when it was read
    for path in kept:
        told[str(path.relative_to(home.lake))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return told


def after_one_run(home: Home, slots: Iterable[Slot]) -> dict[str, Any]:
    """What a run leaves that takes in everything at once."""
    land(home, slots)
    take(home)
    return state(home)


@pytest.fixture(scope="module")
def undisturbed(opened: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return after_one_run(copy(opened, tmp_path_factory.mktemp("undisturbed") / "data"), FILES)


@pytest.fixture(scope="module")
def by_the_true_clock(opened: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return after_one_run(copy(opened, tmp_path_factory.mktemp("true") / "data"), FIRST_MONTHS)


def differing(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def test_what_is_compared_is_not_trivial(undisturbed: dict[str, Any]) -> None:
    outcomes = [outcome for _, outcome, *_ in undisturbed["log"]]
    assert (outcomes.count("accepted"), outcomes.count("refused")) == (24 + 2, 1)
    assert len(undisturbed["current_batches"]) == 24
    assert undisturbed["verdicts"] and undisturbed["lineage"] and undisturbed["event_deliveries"]


# --- clocks ----------------------------------------------------------------------------------------------------


def test_the_product_asks_the_clock_in_ways_that_are_shown_another_time() -> None:
    others = re.compile(r"\b(?:date\.today|utcnow|localtime|gmtime|ctime|clock_gettime|from time import)\b")
    paths = [path for folder in ("pipelines", "expectations") for path in (REPO / folder).rglob("*.py")]
    assert [path.name for path in paths if others.search(path.read_text(encoding="utf-8"))] == []
    assert {"pipelines.run", "pipelines.store", "pipelines.landing", "pipelines.publish"} <= set(modules_that_ask())


@pytest.mark.parametrize("name", CLOCKS)
def test_ledger_lake_and_control_tables_are_the_same_under(
    name: str, opened: Home, by_the_true_clock: dict[str, Any], tmp_path: Path
) -> None:
    home = copy(opened, tmp_path / "data")
    with shown(CLOCKS[name]) as looks:
        found = after_one_run(home, FIRST_MONTHS)
        assert looks() > 10
    with closing(Store.of(home)) as store:
        (only,) = store.runs()
    assert abs(datetime.fromisoformat(only["started_at"]).timestamp() - CLOCKS[name].first) < 10 * abs(CLOCKS[name].step) + 1
    assert differing(found, by_the_true_clock) == []


def published(home: Home, county: County) -> list[dict[str, Any]]:
    """What two editions say that are published one after the other, without when."""
    told: list[dict[str, Any]] = []
    for numerator in ("113", "114"):
        tables = {**TABLES, "fct_kpi": TABLES["fct_kpi"].replace("113", numerator)}
        edition = Working(home, county, tables=tables).publish()
        manifest = current_manifest(home)
        assert manifest is not None and edition.is_new
        # what readers see is the one that was made last, also where the clock says that it is the older
        assert manifest["edition_id"] == current_edition(home).id == edition.edition_id
        told.append({key: manifest[key] for key in ("content_hash", "inputs_hash", "as_of_date", "parts")})
    assert len(list(home.editions.iterdir())) == 2
    return told


@pytest.fixture(scope="module")
def published_truly(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return published(Home(tmp_path_factory.mktemp("editions")), county_of_four_sources())


@pytest.mark.parametrize("name", CLOCKS)
def test_what_is_published_is_the_same_under(name: str, published_truly: list[dict[str, Any]], home: Home) -> None:
    with shown(CLOCKS[name]):
        found = published(home, county_of_four_sources())
    assert found == published_truly and found[0] != found[1]


@pytest.mark.parametrize("name", list(CLOCKS)[:WHOLE_RUNS])
def test_a_whole_run_gives_the_same_edition_under(name: str, home: Home) -> None:
    alone = Home(made_once("town-alone", publish_alone))
    shutil.copytree(alone.keys, home.keys)
    with shown(CLOCKS[name]):
        publish_alone(home.root)
    found, expected = current_manifest(home), current_manifest(alone)
    assert found is not None and expected is not None
    assert (found["content_hash"], found["as_of_date"]) == (expected["content_hash"], expected["as_of_date"])
    assert found["published_at"] != expected["published_at"]
    assert verify(home).damages == []


def test_a_file_refused_for_its_rows_is_tried_again_once_other_rules_hold(opened: Home, tmp_path: Path) -> None:
    home, slot = copy(opened, tmp_path / "data"), ("grid", "2026-01")
    at = Place(1)
    hurt = [at.dispute(f"D{number}", at.a, "01-20", deaths="150") for number in range(30)]
    land(home, [slot])
    (file,) = home.landing.rglob("*.csv")
    file.write_bytes(lines(*table("grid_disputes", hurt)).encode())
    noon = datetime.fromisoformat("2026-09-01T12:00:00+08:00")
    with shown(Lying(noon.isoformat())), open_session(home, as_of=AS_OF) as session, recorded(session):
        ((refused,),) = [files for files in take_in(session, look(home, session.county, session.store)) if files]
    assert refused.refusal is not None and refused.refusal.code == "too_many_bad_rows"
    with shown(Lying((noon + timedelta(hours=1)).isoformat())), closing(Store.of(home)) as store:
        changes = RuleChanges(store)
        draft = RuleDraft("grid_disputes", "deaths.range", {"maximum": 200}, "2026-01", None, "重大事故")
        changes.approve(changes.propose(draft, Actor("user", "li")), Actor("user", "wang"))
        assert [found.path for found in look(home, county_of_four_sources(), store).new] == [file]


@pytest.mark.parametrize("hours", [-1, 0, 1], ids=["behind", "right", "ahead"])
def test_a_file_that_has_settled_is_taken_though_the_clock_that_stamped_it_is(hours: int, opened: Home, tmp_path: Path) -> None:
    """Dagster takes files that have not changed for a minute; until when one that is ahead must lie there nobody is told."""
    home = copy(opened, tmp_path / "data")
    land(home, [("grid", "2026-01")])
    (file,) = home.landing.rglob("*.csv")
    now = datetime.fromtimestamp(file.stat().st_mtime, UTC) + timedelta(minutes=2, hours=-hours)
    with shown(Lying(now.isoformat())), closing(Store.of(home)) as store:
        assert [found.path for found in look(home, county_of_four_sources(), store, settled_seconds=60).new] == [file]


# --- orders of arrival -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(ORDERS))
def test_whatever_comes_first_everything_is_the_same_in_the_end(
    seed: int, opened: Home, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """The 24 slots come in an order drawn at random, in three runs, each by another clock; corrections after what they correct."""
    chance, home = Random(seed), copy(opened, tmp_path / "data")
    arrives = {slot: chance.choices((1, 2, 3), (1, 3, 4))[0] for slot in chance.sample(list(FILES), len(FILES))}
    for number in (1, 2, 3):
        land(home, [slot for slot, last in arrives.items() if last == number])
        # of what is corrected, the first file may have come one run earlier
        land(home, [slot for slot, last in arrives.items() if last == number + 1 and chance.random() < 0.5], slice(-1))
        with shown(CLOCKS[chance.choice(list(CLOCKS))]):
            take(home)
    assert differing(state(home), undisturbed) == []
