"""The rows of one month that are compared: people found without a number, and the entries of the books like them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.cross_file import Evaluation
from pipelines.current_batches import CurrentBatch
from pipelines.errors import WarehouseError, Words
from pipelines.lake import batch_path, linking_path, verdicts_path
from pipelines.settings import Home
from pipelines.sql import file_list, scalar

FOUND = "grid_residents"
LISTS = ("household_persons", "police_residence_registrations")
HOUSEHOLDS = "household_households"
DATASETS = (FOUND, *LISTS, HOUSEHOLDS)
KEYS = ("name_key", "pinyin_key", "characters_key")
# Where an entry says that its person lives: a household moves with nobody, so the place lived in comes first.
_PLACE = {
    "household_persons": "coalesce(entries.current_community_code, homes.community_code)",
    "police_residence_registrations": "entries.community_code",
}


@dataclass(frozen=True)
class DatasetFiles:
    """The files of one dataset and month: batches, their linking keys, the verdicts inside files and across them."""

    lake: list[Path]
    keys: list[Path]
    verdicts: list[Path]


@dataclass(frozen=True)
class Frequencies:
    """How often two people of the month agree by chance, and how many named entries the books have."""

    birth_year: float
    sex: float
    community: float
    street: float
    entries: int


@dataclass(frozen=True)
class Records:
    """What is compared, as tables `found` and `entries` of the connection; and `taken`, the persons of `entries` whom the
    grid found with their number as well."""

    connection: duckdb.DuckDBPyConnection
    frequencies: Frequencies
    taken: frozenset[str]


def files_of(home: Home, batches: Iterable[CurrentBatch], evaluation: Evaluation) -> DatasetFiles:
    """The files of the batches of the evaluation's dataset and month. WarehouseError where linking keys are gone."""
    slots = [(batch.slot, batch.batch_id) for batch in batches]
    keys = [linking_path(home, *place) for place in slots]
    lost = [path for path in keys if evaluation.dataset != HOUSEHOLDS and not path.exists()]
    if lost:
        raise WarehouseError(
            Words("关联键文件缺失", "Linking keys are missing"),
            where=str(lost[0].relative_to(home.root)),
            expected=Words("每个含姓名的批次都有关联键", "linking keys of every batch with names"),
            found=Words(f"缺 {len(lost)} 个文件", f"{len(lost)} files missing"),
            advice=Words("从备份恢复 linking 文件夹", "restore the folder linking from a backup"),
        )
    return DatasetFiles(
        [batch_path(home, *place) for place in slots],
        keys,
        [*(verdicts_path(home, *place) for place in slots), evaluation.verdicts_file],
    )


def gather(connection: duckdb.DuckDBPyConnection, files: dict[str, DatasetFiles]) -> Records | None:
    """The records of a month; None where nobody was found without a number, or nobody like them is in the books.

    Rows without a name of at least two characters have no keys, and are never compared.
    """
    connection.execute(f"create table found as {_found_query(files[FOUND])}")
    if not scalar(connection, "select count(*) from found"):
        return None
    lists = [dataset for dataset in LISTS if dataset in files]
    connection.execute("create table homes (household_no varchar, community_code varchar)")
    if HOUSEHOLDS in files:
        connection.execute(f"insert into homes {_homes_query(files[HOUSEHOLDS])}")
    union = " union all ".join(_entries_query(dataset, files[dataset]) for dataset in lists)
    connection.execute(f"""
        create table entries as
        select 'e' || row_number() over (order by list, batch_id, row_number) as unique_id, *,
            left(community, 9) as street, coalesce(person_id, batch_id || ':' || row_number) as person
        from ({union})""")
    if not scalar(connection, "select count(*) from entries"):
        return None
    named = file_list(path for dataset in lists for path in files[dataset].keys)
    frequencies = Frequencies(
        birth_year=_agreement(connection, files[FOUND], "birth_year"),
        sex=_agreement(connection, files[FOUND], "sex"),
        community=_agreement(connection, files[FOUND], "community_code"),
        street=_agreement(connection, files[FOUND], "left(community_code, 9)"),
        entries=int(scalar(connection, f"select count(*) from read_parquet({named}, hive_partitioning=false)")),
    )
    taken: pl.DataFrame = connection.sql(_taken_query(files[FOUND])).pl()
    return Records(connection, frequencies, frozenset(taken.get_column("person_id").to_list()))


def found_rows(records: Records) -> pl.DataFrame:
    """unique_id, batch_id, row_number of the people found without a number."""
    rows: pl.DataFrame = records.connection.sql("select unique_id, batch_id, row_number from found").pl()
    return rows


def entry_rows(records: Records) -> pl.DataFrame:
    """unique_id, list, batch_id, row_number, person_id and person (the number, or else the row) of the entries."""
    rows: pl.DataFrame = records.connection.sql(
        "select unique_id, list, batch_id, row_number, person_id, person from entries"
    ).pl()
    return rows


# --- queries -------------------------------------------------------------------------------------------------

_IS_THERE = "(rows.left_date is null or rows.left_date > last_day(rows.period))"


def _parquet(paths: list[Path]) -> str:
    return f"read_parquet({file_list(paths)}, hive_partitioning=false)"


def _states(files: DatasetFiles) -> str:
    """The rows that are refused or repeated: is_refused where an error was found in one."""
    return f"""(
        select batch_id, row_number, bool_or(severity = 'error') as is_refused
        from {_parquet(files.verdicts)} where severity in ('error', 'duplicate') group by batch_id, row_number
    )"""


def _found_query(files: DatasetFiles) -> str:
    """Accepted rows of people who live there at the end of the month, and have no number."""
    return f"""
        select 'f' || row_number() over (order by rows.batch_id, rows.row_number) as unique_id, rows.batch_id,
            rows.row_number, rows.birth_year, rows.sex, rows.community_code as community,
            left(rows.community_code, 9) as street, {", ".join(f"keys.{key}" for key in KEYS)}
        from {_parquet(files.lake)} as rows
        inner join {_parquet(files.keys)} as keys using (batch_id, row_number)
        anti join {_states(files)} as states using (batch_id, row_number)
        where rows.person_id is null and rows.arrived_date <= last_day(rows.period) and {_IS_THERE}"""


def _entries_query(dataset: str, files: DatasetFiles) -> str:
    """Rows of a list, refused ones too, that sound like someone found or have the same characters in any order."""
    joined = "left join homes using (household_no)" if dataset == "household_persons" else ""
    return f"""
        select '{dataset}' as list, entries.batch_id, entries.row_number, entries.person_id, entries.birth_year,
            case when entries.sex in ('male', 'female') then entries.sex end as sex, {_PLACE[dataset]} as community,
            {", ".join(f"keys.{key}" for key in KEYS)}
        from (
            select batch_id, row_number, {", ".join(KEYS)} from {_parquet(files.keys)}
            where pinyin_key in (select pinyin_key from found) or characters_key in (select characters_key from found)
        ) as keys
        inner join {_parquet(files.lake)} as entries using (batch_id, row_number)
        left join {_states(files)} as states using (batch_id, row_number)
        {joined}
        where coalesce(states.is_refused, true)"""


def _homes_query(files: DatasetFiles) -> str:
    return f"""
        select household_no, min(community_code) as community_code from {_parquet(files.lake)}
        where household_no is not null group by household_no"""


def _agreement(connection: duckdb.DuckDBPyConnection, files: DatasetFiles, value: str) -> float:
    """The probability that two people found agree in a value: the sum of its squared shares."""
    agreement = scalar(connection, f"""
        select sum(people * people) / nullif(sum(people)::double * sum(people), 0)
        from (select count(*) as people from {_parquet(files.lake)} where {value} is not null group by {value})""")
    return round(agreement or 0.0, 8)


def _taken_query(files: DatasetFiles) -> str:
    return f"""
        select distinct rows.person_id
        from {_parquet(files.lake)} as rows
        left join {_states(files)} as states using (batch_id, row_number)
        where coalesce(states.is_refused, true) and {_IS_THERE}
            and rows.person_id in (select person_id from entries where person_id is not null)"""
