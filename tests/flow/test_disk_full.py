"""A disk that is full, or does not keep what it was given: the run says so, nothing is lost, and the next one mends it.

A run whose disk is full from one of its steps on, and a disk that fails at the k-th time it is waited for: what was acknowledged
stays, the edition before stays byte for byte, and with space again a run gives what an undisturbed one gives.
`WAREHOUSE_ROOMS=20` tries as many amounts of free space, `WAREHOUSE_FSYNCS=100` as many failing calls.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path
from threading import Lock

import pytest

from expectations.contract import load_contract, load_contracts
from pipelines import publish
from pipelines.county import County, save_county
from pipelines.errors import WarehouseError
from pipelines.keys import load_or_create_key
from pipelines.lake import prepare_lake
from pipelines.landing import look
from pipelines.publish import current_manifest
from pipelines.run import open_session, prepare, recorded, run, take_in
from pipelines.settings import Home
from pipelines.store import Slot, Store
from pipelines.verify import verify
from tests.flow.conftest import AS_OF, copied
from tests.support.contents import acknowledged, content_hash, contents
from tests.support.mounted import small_disk
from tests.support.working import TABLES, Working

MIB = 1024 * 1024
GROWS_BY = 48 * MIB  # more than a run adds to the county
# From which step on how much is free: before the run, taking in, rules across files, computing, amid computing, publishing.
FILLED = [("", 0), ("1/4", 0), ("2/4", 0), ("3/4", 0), ("3/4", 8 * MIB), ("4/4", 0)]
ROOMS = int(os.environ.get("WAREHOUSE_ROOMS", "0"))
FSYNCS = int(os.environ.get("WAREHOUSE_FSYNCS", "4"))
CopyOf = Callable[[Home], Home]


def deliver(home: Home) -> None:
    """A correction that changes figures of one month, as of a moment that is the same in every copy."""
    path = home.landing / "county_civil" / "civil_facilities" / "2026-03" / "clean.csv"
    path.write_text(
        "设施编号,社区代码,设施类型,建筑面积,室外面积,取得方式,启用日期,停用日期,功能室,亲民化改造日期\n"
        "F1,610629001002,综合服务,5000,,新建,2020-01-01,,,\n",
        encoding="utf-8",
    )
    os.utime(path, (1_790_000_000, 1_790_000_000))


class Ballast:
    """A file that takes up the space of a disk."""

    def __init__(self, disk: Path) -> None:
        self.disk, self.path = disk, disk / "ballast"

    def leave(self, room: int) -> None:
        """From now on `room` bytes are free."""
        state = os.statvfs(self.disk)
        with self.path.open("ab") as file:
            file.truncate(0)
            with suppress(OSError):  # the last page may be somebody else's by now
                os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - room))

    def take_away(self) -> None:
        self.path.unlink(missing_ok=True)


def run_on_full_disk(home: Home, ballast: Ballast, step: str, room: int) -> WarehouseError | None:
    """The error of a run that has only `room` bytes from a step on; None where that was enough.

    Any other error is none that a person can act on, and fails the test.
    """
    told: list[str] = []

    def fill(name: str, _share: float | None = None) -> None:
        if name.startswith(step) and not told:
            told.append(name)
            ballast.leave(room)

    if not step:
        fill(step)
    try:
        run(home, as_of=AS_OF, on_progress=fill)
    except WarehouseError as error:
        assert told, f"the run failed before {step}: {error.en}"
        return error
    finally:
        ballast.take_away()
    return None


@pytest.fixture(scope="module")
def corrected(published: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The content of the edition of an undisturbed run."""
    home = copied(published, tmp_path_factory.mktemp("undisturbed"))
    deliver(home)
    run(home, as_of=AS_OF)
    assert content_hash(home) != content_hash(published)
    return content_hash(home)


@pytest.mark.parametrize(
    "attempts",
    [FILLED, *([("", number * GROWS_BY // (2 * ROOMS))] for number in range(ROOMS))],
    ids=["from each step on", *(f"with room {number} of {ROOMS}" for number in range(ROOMS))],
)  # fmt: skip
def test_a_run_on_a_full_disk_loses_nothing_says_so_and_with_space_the_next_one_gives_what_it_should(
    published: Home, corrected: str, tmp_path: Path, attempts: list[tuple[str, int]]
) -> None:
    size = sum(path.stat().st_size + 4096 for path in published.root.rglob("*") if path.is_file() and not path.is_symlink())
    with small_disk(tmp_path / "disk", size + GROWS_BY) as disk:
        home, ballast = copied(published, disk), Ballast(disk)
        deliver(home)
        before, log = contents(home.published), acknowledged(home)
        for step, room in attempts:
            failed = run_on_full_disk(home, ballast, step, room)
            assert failed is not None or room, f"a run ended well on a full disk: {step}"
            if failed is not None:
                assert "space" in failed.en.lower(), failed.en
                assert contents(home.published) == before, step
            found = acknowledged(home)
            assert found[: len(log)] == log, step
            log = found
        run(home, as_of=AS_OF)
        assert content_hash(home) == corrected
        assert acknowledged(home)[: len(log)] == log
        assert verify(home).damages == []
        assert contents(home.published).items() >= {name: held for name, held in before.items() if "/" in name}.items()
        assert not list(home.editions.glob(".draft-*"))


# --- a disk that does not keep what it was given -------------------------------------------------------------


class Waiting:
    """Counts how often the disk is waited for; at the k-th time it fails, as a disk does that has lost what it was given."""

    def __init__(self, fails_at: int) -> None:
        self.fails_at, self.calls = fails_at, 0
        self._lock, self._fsync = Lock(), os.fsync

    @property
    def has_failed(self) -> bool:
        return 0 < self.fails_at <= self.calls

    def fsync(self, descriptor: int) -> None:
        with self._lock:
            self.calls += 1
            fails = self.calls == self.fails_at
        if fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fsync(descriptor)


@contextmanager
def waiting(fails_at: int) -> Iterator[Waiting]:
    with pytest.MonkeyPatch.context() as patch:
        counted = Waiting(fails_at)
        patch.setattr(os, "fsync", counted.fsync)
        yield counted


class Later(datetime):
    """A clock that is a minute further at every look: the name of an edition is the second at which it was made."""

    minutes = count()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Later:
        return cls(2026, 2, 11, 8, tzinfo=tz) + timedelta(minutes=next(cls.minutes))


def test_whenever_the_disk_fails_while_an_edition_is_written_readers_have_a_whole_one(
    home: Home, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "datetime", Later)
    first = Working(home, county).publish().edition_id
    before = contents(home.editions)
    tables = {**TABLES, "fct_kpi": TABLES["fct_kpi"].replace("113", "114")}
    for call in count(1):
        with waiting(call) as disk:
            try:
                last = Working(home, county, tables).publish().edition_id
            except OSError:
                assert disk.has_failed, call
        assert contents(home.editions).items() >= before.items(), call
        assert verify(home).damages == [], call
        if not disk.has_failed:
            break
    assert call > 10
    manifest = current_manifest(home)
    assert manifest is not None and manifest["edition_id"] == last != first
    assert not list(home.editions.glob(".draft-*"))


def grids(street: str, households: int) -> bytes:
    headers = [column.title_zh for column in load_contract("grid_grids").columns]
    cells = {"网格编码": f"{street}201-001", "社区代码": f"{street}201", "网格类型": "综合", "户数": str(households)}
    return "".join(",".join(row) + "\n" for row in (headers, [cells.get(header, "") for header in headers])).encode()


@pytest.fixture
def tiny(home: Home, county: County) -> Home:
    """A county of two towns with one file of each, whose key is made: copies of it make the same batches."""
    save_county(county, home.county_file)
    load_or_create_key(home.keys)
    prepare_lake(home, load_contracts())  # so that it is not waited for most often for empty files
    for number, street in enumerate(("610629101", "610629102"), start=1):
        path = home.landing / f"grid_{street}" / "grid_grids" / "2026-01" / "grids.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(grids(street, number))
        os.utime(path, (1_790_000_000, 1_790_000_000))
    return home


def prepared(home: Home) -> tuple[str, dict[Slot, object]]:
    """Takes in what was delivered and applies the rules across files; what figures would be computed from, and the slots."""
    with open_session(home, as_of=date(2026, 6, 1)) as session, recorded(session):
        for _ in take_in(session, look(home, session.county, session.store)):
            pass
        inputs_hash = prepare(session).inputs_hash
        return inputs_hash, {slot: row["batch_id"] for slot, row in session.store.slots().items()}


def test_whenever_the_disk_fails_before_figures_are_computed_the_next_run_mends_it(tiny: Home, tmp_path: Path) -> None:
    with waiting(0) as undisturbed:
        expected = prepared(copied(tiny, tmp_path / "undisturbed"))
    assert undisturbed.calls > 30 and len(expected[1]) == 2
    # both ends, and as evenly between them as failures allow
    for call in sorted({1 + number * (undisturbed.calls - 1) // max(1, FSYNCS - 1) for number in range(FSYNCS)}):
        home = copied(tiny, tmp_path / str(call))
        with waiting(call) as disk, pytest.raises(WarehouseError, match=os.strerror(errno.EIO)):
            prepared(home)
        assert disk.has_failed
        store = Store.of(home)
        failed, log = store.last_run(), store.deliveries()
        store.close()
        assert failed is not None and failed["outcome"] == "failed", call
        assert os.strerror(errno.EIO) in failed["message_en"], call
        assert prepared(home) == expected, call
        again = acknowledged(home)
        assert again[: len(log)] == log, call
        assert sorted(entry["outcome"] for entry in again) == ["accepted", "accepted"], call
        assert verify(home).damages == [], call
        shutil.rmtree(home.root)
