"""Random histories of deliveries against what the definition says of them: nothing is taken in twice, nothing is left out.

Files come, are corrected, renamed, sent again, sent damaged, empty or half copied, and taken away, in several slots, with runs in
between. `WAREHOUSE_HISTORIES=1000` tries as many.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from expectations.contract import load_contract
from pipelines.county import County, save_county
from pipelines.lake import batch_path
from pipelines.landing import UNFINISHED_SUFFIX, look, make_folders
from pipelines.progress import silent
from pipelines.run import open_session, take_in
from pipelines.settings import Home
from pipelines.store import Slot, Store, broken_entries

HISTORIES = int(os.environ.get("WAREHOUSE_HISTORIES", "12"))
STEPS = 14
SLOTS = [
    Slot(f"grid_{street}", "grid_grids", period) for street in ("610629101", "610629102") for period in ("2026-01", "2026-02")
]
CONTENTS = range(1, 5)  # households of the one grid that a file lists


def content(slot: Slot, households: int) -> bytes:
    headers = [column.title_zh for column in load_contract(slot.dataset).columns]
    code = f"{slot.supplier_id.removeprefix('grid_')}201"
    cells = {"网格编码": f"{code}-001", "社区代码": code, "网格类型": "综合", "户数": str(households)}
    return "".join(",".join(row) + "\n" for row in (headers, [cells.get(header, "") for header in headers])).encode()


@dataclass
class Expected:
    """What the definition says of a slot: the last good new bytes are current, known ones change nothing."""

    current: bytes | None = None
    accepted: list[bytes] = field(default_factory=list)

    def see(self, files: list[bytes], good: set[bytes]) -> None:
        for data in files:
            if data in good and data not in self.accepted:
                self.accepted.append(data)
                self.current = data


class History:
    """A landing zone that one random sequence of events goes through."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home, self.chance, self.clock = home, Random(seed), 1_780_000_000
        self.expected = {slot: Expected() for slot in SLOTS}
        self.good = {slot: {content(slot, households) for households in CONTENTS} for slot in SLOTS}

    def live(self) -> None:
        for _ in range(STEPS):
            self.chance.choices([self.deliver, self.half_copy, self.finish, self.remove, self.run], [8, 1, 2, 2, 3])[0]()
        self.run()

    def deliver(self) -> None:
        slot = self.chance.choice(SLOTS)
        data = content(slot, self.chance.choice(CONTENTS))
        damage = self.chance.choices(["none", "empty", "cut", "no header"], [9, 1, 1, 1])[0]
        data = {"none": data, "empty": b"", "cut": data[:-8], "no header": data.partition(b"\n")[2]}[damage]
        self.write(self.folder(slot) / f"{self.chance.choice('abc')}.csv", data)

    def half_copy(self) -> None:
        slot = self.chance.choice(SLOTS)
        self.write(self.folder(slot) / f"d.csv{UNFINISHED_SUFFIX}", content(slot, self.chance.choice(CONTENTS)))

    def finish(self) -> None:
        """A file that was half copied, or any other, gets another name."""
        slot = self.chance.choice(SLOTS)
        for path in sorted(self.folder(slot).iterdir())[:1]:
            path.rename(path.with_name(f"{self.chance.choice('def')}.csv"))

    def remove(self) -> None:
        for path in sorted(self.folder(self.chance.choice(SLOTS)).iterdir())[:1]:
            path.unlink()

    def run(self) -> None:
        for slot, expected in self.expected.items():
            paths = [path for path in self.folder(slot).iterdir() if path.suffix != UNFINISHED_SUFFIX]
            arrived = sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))
            expected.see([path.read_bytes() for path in arrived], self.good[slot])
        with open_session(self.home, as_of=date(2026, 6, 1)) as session:
            landing = look(self.home, session.county, session.store)
            for _ in take_in(session, landing, None, None, silent):
                pass

    def folder(self, slot: Slot) -> Path:
        folder = self.home.landing / slot.supplier_id / slot.dataset / slot.period
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, path: Path, data: bytes) -> None:
        self.clock += 1
        path.write_bytes(data)
        os.utime(path, (self.clock, self.clock))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_every_delivery_is_taken_in_once_and_none_is_left_out(home: Home, county: County, seed: int) -> None:
    save_county(county, home.county_file)
    make_folders(home, county)
    history = History(home, seed)
    history.live()
    store = Store.of(home)
    slots, log = store.slots(), store.deliveries()
    for slot, expected in history.expected.items():
        own = [entry for entry in log if Slot(entry["supplier_id"], entry["dataset"], entry["period"]) == slot]
        accepted = [entry["batch_id"] for entry in own if entry["outcome"] == "accepted"]
        assert len(accepted) == len(set(accepted)) == len(expected.accepted), (slot, own)
        current = slots[slot]["batch_id"] if slot in slots else None
        assert (current is None) == (expected.current is None), (slot, own)
        if current is not None:
            (households,) = pl.read_parquet(batch_path(home, slot, str(current)))["households"]
            assert content(slot, households) == expected.current, (slot, own)
    left = look(home, county, store)
    assert (left.new, left.superseded, left.repeated, left.deferred, left.misplaced) == ([], [], [], [], [])
    assert broken_entries(log) == []
    store.close()
