"""A county of small towns: what each delivers in two months, row by row, and the files that it comes in.

Belongs here: the rows of one town, the ways in which a table can be written, and landing them. A town is a supplier of its own,
so towns do not touch each other: whatever a test changes in one of them shows in its own figures and in the county's.
Does not belong here: what a change means for a figure; tests say that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import load_contract
from pipelines.county import County, save_county
from pipelines.protection.identity import check_characters
from pipelines.run import run
from pipelines.settings import Home
from tests.support.delivered_files import lines

COUNTY = "990001"  # which no register holds: its units are those that are delivered
DATASETS = (
    "civil_communities", "civil_facilities", "grid_grids", "grid_residents", "grid_disputes", "household_households",
    "household_persons", "police_residence_registrations", "police_case_returns", "police_rooms",
)  # fmt: skip
CATEGORIES = ("刑事案件", "治安案件", "治安灾害事故", "居民犯罪", "黄赌毒")
FIRST_ARRIVAL = 1_780_000_000  # seconds since 1970: when the first file of a town comes

Row = dict[str, str]
Books = dict[tuple[str, str], list[Row]]  # the rows that a town delivers, by dataset and month
Table = list[list[str]]  # a line of headers and the lines below it
Files = list[tuple[str, bytes]]  # by name, in the order in which they come
Change = Callable[[Books, "Place"], Books]
Writing = Callable[[str, Table], Files]


@dataclass(frozen=True)
class Place:
    """Where a town is, in codes, and when: `year` is that of its two months."""

    number: int
    year: int = 2026

    @property
    def code(self) -> str:
        return f"{COUNTY}{self.number:03d}"

    @property
    def a(self) -> str:
        return f"{self.code}001"

    @property
    def b(self) -> str:
        return f"{self.code}002"

    @property
    def c(self) -> str:
        return f"{self.code}003"

    @property
    def months(self) -> tuple[str, str]:
        return f"{self.year}-01", f"{self.year}-02"

    def person(self, number: int) -> Row:
        """Somebody with a number of the prefix that is allotted to nobody."""
        return {
            "id_type": "居民身份证", "id_number": identity_number(f"999{self.number:03d}19900307{number:03d}"),
            "name": f"王{chr(0x4E10 + number)}", "sex": "男", "birth_date": "1990-03-07",
        }  # fmt: skip

    def own(self, number: str) -> str:
        """A number that no other town gives."""
        return f"{self.number}-{number}"

    # --- rows that more than one test writes

    def resident(self, number: int, community: str, grid: int, *, kind: str = "流动") -> Row:
        return self.person(number) | {
            "community_code": community, "grid_code": f"{community}-{grid:03d}", "residence_type": kind,
            "arrived_date": f"{self.year - 1}-05-01",
        }  # fmt: skip

    def registration(self, number: int, community: str, **changes: str) -> Row:
        return self.person(number) | {
            "registration_no": self.own(f"Z{number}"), "community_code": community, "registered_date": f"{self.year - 1}-06-01",
        } | changes  # fmt: skip

    def registered(self, number: int, household: str, *, at_home: bool) -> Row:
        return self.person(number) | {
            "household_no": self.own(household), "relation_to_head": "其他", "registered_date": "2001-01-01",
            "lives_here": "是" if at_home else "否",
        }  # fmt: skip

    def household(self, number: str, community: str, *, plate: bool) -> Row:
        return {
            "household_no": self.own(number), "community_code": community, "has_door_plate": "有" if plate else "无",
            "household_type": "家庭户", "registered_date": "2001-01-01",
        }  # fmt: skip

    def dispute(self, number: str, community: str, accepted: str, handled: str = "", result: str = "处理中", **changes: str) -> Row:
        """`accepted` and `handled`: month and day."""
        return {
            "dispute_no": self.own(number), "community_code": community, "kind": "民事", "channel": "人民调解",
            "accepted_date": f"{self.year}-{accepted}", "handled_date": handled and f"{self.year}-{handled}", "result": result,
        } | changes  # fmt: skip

    def community(self, code: str, name: str, **changes: str) -> Row:
        return {
            "code": code, "name": name, "street_code": self.code, "class": "城市", "city_class": "其他",
            "opened_date": "2010-01-01", "adjusted": "否",
        } | changes  # fmt: skip

    def grid(self, community: str, number: int, households: int) -> Row:
        code = f"{community}-{number:03d}"
        return {"grid_code": code, "community_code": community, "kind": "综合", "households": f"{households}"}

    def facility(self, number: str, community: str, area: str, *, kind: str = "综合服务") -> Row:
        return {
            "facility_no": self.own(number), "community_code": community, "kind": kind, "floor_area_m2": area,
            "acquired_by": "新建", "opened_date": "2020-01-01",
        }  # fmt: skip

    def returns(self, community: str, criminal: int) -> list[Row]:
        cases = [criminal, 0, 0, 0, 0]
        return [
            {"community_code": community, "category": category, "cases": f"{number}"}
            for category, number in zip(CATEGORIES, cases, strict=True)
        ]

    def room(self, number: str, community: str) -> Row:
        known = {"opened_date": "2015-01-01", "officers": "1", "auxiliaries": "2"}
        return {"room_no": self.own(number), "community_code": community} | known


@cache
def identity_number(digits: str) -> str:
    return f"{digits}{check_characters(pl.Series([digits]))[0]}"


def books(at: Place) -> Books:
    """What a town delivers: in community A hardly a target is met, in B all are."""
    january, february = at.months
    stocks: dict[str, list[Row]] = {
        "civil_communities": [at.community(at.a, "甲社区"), at.community(at.b, "乙社区")],
        # 45 m² for 160 households: 28.1 for a hundred; 30 m² for 80: 37.5
        "civil_facilities": [
            at.facility("F1", at.a, "45"), at.facility("F2", at.b, "30"), at.facility("F3", at.a, "20.5", kind="养老服务"),
        ],
        "grid_grids": [at.grid(at.a, 1, 100), at.grid(at.a, 2, 60), at.grid(at.b, 1, 80)],
        "grid_residents": [
            *(at.resident(number, at.a, 1) for number in (1, 2, 3, 4)), at.resident(5, at.a, 2), at.resident(6, at.a, 2),
            at.resident(7, at.a, 1, kind="户籍"), at.resident(8, at.a, 2, kind="户籍"),
            *(at.resident(number, at.b, 1) for number in (11, 12, 13, 14)), at.resident(15, at.b, 1, kind="户籍"),
        ],
        # 4 of 6 in January and, since one is cancelled, 3 in February; 4 of 4
        "police_residence_registrations": [
            *(at.registration(number, at.a) for number in (1, 2, 3)),
            at.registration(4, at.a, cancelled_date=f"{at.year}-02-15"),
            at.registration(5, at.a, valid_to=f"{at.year - 1}-12-31"),
            *(at.registration(number, at.b) for number in (11, 12, 13, 14)),
        ],
        # 2 of 3 have a plate; 1 of 1
        "household_households": [
            at.household("H1", at.a, plate=True), at.household("H2", at.a, plate=True), at.household("H3", at.a, plate=False),
            at.household("H4", at.b, plate=True),
        ],
        # 2 of 3 live there; 1 of 1
        "household_persons": [
            at.registered(7, "H1", at_home=True), at.registered(8, "H1", at_home=True), at.registered(9, "H2", at_home=False),
            at.registered(15, "H4", at_home=True),
        ],
        "police_rooms": [at.room("J1", at.b)],
    }  # fmt: skip
    flows: Books = {
        # 2 of 3 handled, one of them with success; 1 of 1
        ("grid_disputes", january): [
            at.dispute("D1", at.a, "01-05", "01-20", "成功"), at.dispute("D2", at.a, "01-06", "01-22", "不成功"),
            at.dispute("D3", at.a, "01-07", due_date=f"{at.year}-01-15", injuries="1"), at.dispute("D4", at.a, "01-08", kind="土地"),
            at.dispute("D5", at.b, "01-09", "01-12", "成功"),
        ],
        ("grid_disputes", february): [at.dispute("D6", at.a, "02-03", "02-10", "成功")],
        ("police_case_returns", january): [*at.returns(at.a, 2), *at.returns(at.b, 0)],
        ("police_case_returns", february): [*at.returns(at.a, 1), *at.returns(at.b, 0)],
    }  # fmt: skip
    return {(dataset, month): rows for month in at.months for dataset, rows in stocks.items()} | flows


# --- changing what is delivered --------------------------------------------------------------------------------


def as_it_is(rows: Books, at: Place) -> Books:
    return rows


def each(change: Callable[[Row], Row]) -> Change:
    """Every row of every file, changed."""
    return lambda books, at: {slot: [change(dict(row)) for row in rows] for slot, rows in books.items()}


def with_more(more: Callable[[Place], Mapping[str, Sequence[Row]]]) -> Change:
    """With these rows of datasets, in both months; events are told in the first one."""

    def _with_more(books: Books, at: Place) -> Books:
        added = more(at)
        skipped = ("grid_disputes", at.months[1])
        return {slot: [*rows, *(added.get(slot[0], ()) if slot != skipped else ())] for slot, rows in books.items()}

    return _with_more


# --- writing it ------------------------------------------------------------------------------------------------


def table(dataset: str, rows: Sequence[Row]) -> Table:
    """The rows under the headers of the contract; cells that a row does not name are empty."""
    columns = load_contract(dataset).columns
    known = {column.name for column in columns}
    assert all(set(row) <= known for row in rows), dataset
    return [[column.title_zh for column in columns], *([row.get(column.name, "") for column in columns] for row in rows)]


def text(table: Table) -> bytes:
    return lines(*table).encode()


def plainly(dataset: str, table: Table) -> Files:
    return [("1.csv", text(table))]


# --- the county ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Town:
    """A town and what is special about what it delivers.

    `by`: its suppliers and the communities that each covers, by the last three digits; one covers it all unless said otherwise.
    `is_backwards`: the later month's files come first.
    """

    at: Place
    change: Change = as_it_is
    write: Writing = plainly
    by: tuple[tuple[str, str], ...] = (("", ""),)
    is_backwards: bool = False

    @property
    def suppliers(self) -> dict[str, str]:
        """By their ids, what they cover."""
        return {f"town_{self.at.number}{suffix}": f"{self.at.code}{part}" for suffix, part in self.by}

    def deliver(self, home: Home) -> None:
        """Writes its files into landing, a second after each other."""
        found = self.change(books(self.at), self.at)
        slots = sorted(found, key=lambda slot: slot[1], reverse=self.is_backwards)
        arrived = FIRST_ARRIVAL
        for dataset, month in slots:
            for supplier, covered in self.suppliers.items():
                own = [row for row in found[dataset, month] if _is_of(row, covered, found["household_households", month])]
                folder = home.landing / supplier / dataset / month
                folder.mkdir(parents=True)
                for name, data in self.write(dataset, table(dataset, own)):
                    arrived += 1
                    (folder / name).write_bytes(data)
                    os.utime(folder / name, (arrived, arrived))


def _is_of(row: Row, covered: str, households: Sequence[Row]) -> bool:
    """Whether a row is about the area; a registered person is where the household is."""
    place = row.get("code") or row.get("community_code")
    if place is None:
        homes = {household["household_no"]: household["community_code"] for household in households}
        place = homes.get(row["household_no"], covered)
    return place.startswith(covered)


def county_of(towns: Sequence[Town], **changes: Any) -> County:
    suppliers = {id: code for town in towns for id, code in town.suppliers.items()}
    first, last = towns[0].at.months
    return County.model_validate({
        "county_code": COUNTY, "name_zh": "示例县", "sample": True, "first_period": first, "last_period": last,
        "packs": ["C", "D3", "D4"],
        "suppliers": [{"id": id, "name_zh": id, "covers": [code]} for id, code in suppliers.items()],
        "expected": [{"dataset": dataset, "suppliers": list(suppliers), "due_day": 5} for dataset in DATASETS],
        "parameters": {"targets": [
            {"kpi_id": "door_plate_rate", "value_1": 75}, {"kpi_id": "registered_address_residence_rate", "value_1": 80},
        ]},
        **changes,
    })  # fmt: skip


def land(home: Home, towns: Sequence[Town], **changes: Any) -> None:
    """A county of these towns, and everything that they deliver."""
    save_county(county_of(towns, **changes), home.county_file)
    for town in towns:
        town.deliver(home)


def figures(home: Home) -> pl.DataFrame:
    """Every figure of the current edition; `town` is the number of its town, `place` what of its code is below that."""
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        found: pl.DataFrame = connection.sql(f"""
            select try_cast(unit_code[7:9] as integer) as town, unit_code[10:] as place, * exclude (unit_key, unit_code)
            from fct_kpi where starts_with(unit_code, '{COUNTY}')""").pl()
    return found


def publish_alone(folder: Path) -> None:
    """The town that delivers plainly, alone in its county, a year later: landed and run."""
    land(Home(folder), [Town(Place(1, year=2027))])
    run(Home(folder), as_of=date(2027, 6, 1))
