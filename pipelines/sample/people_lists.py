"""A county whose people are known one by one, as three lists have them: found by the grid, registered, registered as
temporary residents. Some are on a list without a number, some with a name that was mistyped.

Belongs here: composing the lists, and keeping whom each row is of. They are protected and written as deliveries are, so
that what is compared is what a run would compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from expectations.contract import load_contract
from pipelines.cross_file import Evaluation
from pipelines.current_batches import CurrentBatch
from pipelines.keys import Key
from pipelines.lake import VERDICT_SCHEMA, verdicts_path, write_batch, write_parquet
from pipelines.protection import Origin, protect
from pipelines.sample.chance import Integers
from pipelines.sample.names import compose_names, compose_numbers
from pipelines.settings import Home, month_name
from pipelines.store import Slot

MONTH = date(2026, 1, 1)
GRID, PERSONS, POLICE = "grid_residents", "household_persons", "police_residence_registrations"
STREETS, COMMUNITIES_PER_STREET = 10, 8
# What may be wrong with a row of someone found without a number, and how often.
SLIPS = {
    "none": 0.55, "same_sound": 0.14, "other_character": 0.06, "swapped": 0.05, "birth_year": 0.04, "moved": 0.10,
    "same_name": 0.06,
}  # fmt: skip
# Characters of given names, and one that sounds the same without its tone.
_SOUNDS = (
    "伟玮强墙磊垒军君勇永杰洁涛滔明鸣刚钢平萍辉晖鹏朋飞妃鑫欣斌彬宇羽浩皓凯楷俊峻帆凡旭序龙隆林琳洋阳建健志智文雯峰锋成诚东冬"
    "云芸山珊福富正政芳方敏皿静靖丽莉艳燕玲铃桂贵英瑛梅玫红虹玉郁兰岚琴勤莹盈慧惠颖影佳家晶菁璐露瑶遥悦月蓉荣春纯香乡彩采淑叔珍真"
)
SOUNDS = dict(zip(_SOUNDS[::2], _SOUNDS[1::2], strict=True))


@dataclass(frozen=True)
class Lists:
    """What was delivered. `unnumbered`: row_number, person, slip and is_in_books of the rows found without a number;
    `entries`: list, row_number and person of every row of the books."""

    home: Home
    batches: list[CurrentBatch]
    evaluations: list[Evaluation]
    unnumbered: pl.DataFrame
    entries: pl.DataFrame


def compose_lists(home: Home, key: Key, *, people: int = 30_000, unnumbered: int = 900, seed: int = 11) -> Lists:
    """`people` in a county, of whom the grid found most, `unnumbered` of them without a number."""
    chance = np.random.default_rng(seed)
    persons = _persons(people, chance)
    order = chance.permutation(people)
    # The books have two in three of them: some without a number there, too.
    in_household = np.sort(order[: people * 6 // 10])
    in_police = np.sort(order[people * 55 // 100 : people * 7 // 10])
    found = np.sort(chance.choice(people, people * 9 // 10, replace=False))
    blank = np.sort(chance.choice(found, unnumbered, replace=False))
    persons, slips = _with_namesakes(persons, blank, chance)
    household = _rows(persons[in_household]).with_columns(
        household_no=pl.lit("9900000001"), relation_to_head=pl.lit("head"), lives_here=pl.lit("是"),
        registered_date=pl.lit("2001-02-03"), cancelled_date=pl.lit(None, pl.String),
        current_community_code=pl.col("community_code"),
    )  # fmt: skip
    police = _rows(persons[in_police]).with_columns(
        registration_no=pl.concat_str(pl.lit("Z"), pl.col("row_number").cast(pl.String)), registered_date=pl.lit("2025-02-03"),
        valid_to=pl.lit("2026-12-31"), cancelled_date=pl.lit(None, pl.String),
    )  # fmt: skip
    grid = _with_slips(_rows(persons[found]), persons, found, slips, chance).with_columns(
        grid_code=pl.col("community_code") + "-001", residence_type=pl.lit("temporary"), arrived_date=pl.lit("2024-05-06"),
        left_date=pl.lit(None, pl.String),
    )  # fmt: skip
    lost = {
        PERSONS: set((np.flatnonzero(chance.random(len(in_household)) < 0.02) + 2).tolist()),
        POLICE: set((np.flatnonzero(chance.random(len(in_police)) < 0.02) + 2).tolist()),
    }
    delivered = [
        _deliver(home, key, GRID, grid, set()),
        _deliver(home, key, PERSONS, _without_number(household, lost[PERSONS]), lost[PERSONS]),
        _deliver(home, key, POLICE, _without_number(police, lost[POLICE]), lost[POLICE]),
    ]
    books = set(in_household.tolist()) | set(in_police.tolist())
    places = {int(person): place for place, person in enumerate(found)}
    rows = [(places[person] + 2, person, slip, person in books) for person, slip in slips.items()]
    entries = [
        (name, row, int(person))
        for name, of_list in ((PERSONS, in_household), (POLICE, in_police))
        for row, person in enumerate(of_list, start=2)
    ]
    return Lists(
        home,
        [batch for batch, _ in delivered],
        [evaluation for _, evaluation in delivered],
        pl.DataFrame(rows, ["row_number", "person", "slip", "is_in_books"], orient="row"),
        pl.DataFrame(entries, ["list", "row_number", "person"], orient="row"),
    )


def _persons(count: int, chance: np.random.Generator) -> pl.DataFrame:
    is_male = chance.random(count) < 0.5
    birth_days = chance.integers(-12_000, 18_000, count)
    codes = [
        f"610629{street:03d}{community:03d}"
        for street in range(1, STREETS + 1)
        for community in range(1, COMMUNITIES_PER_STREET + 1)
    ]
    return pl.DataFrame(
        {
            "id_number": compose_numbers(birth_days, is_male, chance.integers(0, 900, count)),
            "name": compose_names(is_male, np.zeros(count, dtype=bool), chance),
            "sex": pl.Series(["女", "男"]).gather(is_male.astype(np.int64)),
            "birth_date": pl.Series(birth_days.astype(np.int32)).cast(pl.Date).dt.strftime("%Y-%m-%d"),
            "community_code": pl.Series(codes).gather(chance.integers(0, len(codes), count)),
        }
    )


def _with_namesakes(
    persons: pl.DataFrame, blank: Integers, chance: np.random.Generator
) -> tuple[pl.DataFrame, dict[int, str]]:
    """What is wrong with each row without a number; and for `same_name` another person of that name, year, sex and place."""
    kinds = chance.choice(list(SLIPS), len(blank), p=list(SLIPS.values()))
    slips = {int(person): str(kind) for person, kind in zip(blank, kinds, strict=True)}
    twins = [person for person, kind in slips.items() if kind == "same_name"]
    others = chance.choice(np.setdiff1d(np.arange(persons.height), blank), len(twins), replace=False)
    changed = [
        persons[name].scatter(others, persons[name].gather(twins))
        for name in ("name", "sex", "birth_date", "community_code")
    ]
    return persons.with_columns(changed), slips


def _rows(persons: pl.DataFrame) -> pl.DataFrame:
    return persons.with_columns(
        row_number=pl.int_range(2, persons.height + 2, dtype=pl.Int32), id_type=pl.lit("居民身份证")
    )


def _with_slips(
    rows: pl.DataFrame, persons: pl.DataFrame, found: Integers, slips: dict[int, str], chance: np.random.Generator
) -> pl.DataFrame:
    """The grid's rows, those of `slips` without a number and with what is wrong with them."""
    columns = {name: rows[name].to_list() for name in ("id_type", "id_number", "name", "birth_date", "community_code")}
    codes = persons["community_code"].unique().sort().to_list()
    for place, person in enumerate(found.tolist()):
        if person not in slips:
            continue
        columns["id_type"][place], columns["id_number"][place] = "无证件", None
        name, slip = columns["name"][place], slips[person]
        if slip == "same_sound" and name[-1] in SOUNDS:
            columns["name"][place] = name[:-1] + SOUNDS[name[-1]]
        elif slip in ("same_sound", "other_character"):
            slips[person], columns["name"][place] = "other_character", name[:-1] + ("乾" if name[-1] != "乾" else "坤")
        elif slip == "swapped":
            columns["name"][place] = name[0] + name[:0:-1] if len(name) > 2 else name[::-1]
        elif slip == "birth_year":
            columns["birth_date"][place] = f"{int(columns['birth_date'][place][:4]) + 1}-01-01"
        elif slip == "moved":
            columns["community_code"][place] = str(chance.choice(codes))
    return rows.with_columns(pl.Series(name, values, dtype=pl.String) for name, values in columns.items())


def _without_number(rows: pl.DataFrame, lost: set[int]) -> pl.DataFrame:
    return rows.with_columns(id_number=pl.when(~pl.col("row_number").is_in(list(lost))).then("id_number"))


def _deliver(
    home: Home, key: Key, dataset: str, rows: pl.DataFrame, refused: set[int]
) -> tuple[CurrentBatch, Evaluation]:
    """One batch of a dataset with its linking keys; `refused` rows have no number, which an error says of them."""
    batch_id, slot = f"batch-{dataset}", Slot(f"supplier_{dataset}", dataset, month_name(MONTH))
    contract = load_contract(dataset)
    protected = protect(rows, contract, Origin(batch_id, slot.supplier_id, MONTH), key, is_sample=True)
    content_hash = write_batch(home, slot, batch_id, protected)
    verdicts = [(batch_id, row, "id_number.absent", 1, "error") for row in sorted(refused)]
    write_parquet(pl.DataFrame(verdicts, VERDICT_SCHEMA, orient="row"), verdicts_path(home, slot, batch_id))
    across = home.verdicts / "cross_file" / dataset / "none.parquet"
    write_parquet(pl.DataFrame(schema=VERDICT_SCHEMA), across)
    batch = CurrentBatch(batch_id, batch_id, slot, content_hash, rows.height, rows.height, 0, False)
    return batch, Evaluation(dataset, slot.period, content_hash, across, [], {}, is_new=True)
