"""The model: how likely it is that two rows are of one person, from what their keys, birth year, sex and place say.

Fellegi and Sunter's (1969), as Splink computes it: each comparison adds log2(m / u) to the weight of a pair, where m is how
often the rows of one person agree so, and u how often those of two people do.

- m is assumed, as below, on the cautious side; it stands for how well lists are kept, which no county can tell without
  linking first. tests/unit/test_linking_people.py measures what comes of it on people that are known.
- u of birth year, sex and place is counted among the people found in the month; u of a name is how often this name stands
  in the books, so that a common one says little.
- Before anything is compared, one in two people found without a number is taken to stand in the books.
"""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from pipelines.linking.records import KEYS, Frequencies, Records

# A link is wrong once in twenty times at most, by the model; mostly far less often.
LINKED, REVIEW = 0.95, 0.25
# How much heavier a link is than any rival, in bits: 19 to 1, the odds of LINKED.
LEAD = 4.25
IN_THE_BOOKS = 0.5

# Column → m; a comparison takes the first level that holds. `None` stands for none of them.
_NAME: dict[str | None, float] = {"name_key": 0.91, "pinyin_key": 0.05, "characters_key": 0.01, None: 0.03}
_BIRTH_YEAR: dict[str | None, float] = {"birth_year": 0.96, None: 0.04}
_SEX: dict[str | None, float] = {"sex": 0.99, None: 0.01}
_PLACE: dict[str | None, float] = {"community": 0.80, "street": 0.08, None: 0.12}
_LEAST, _MOST = 0.0001, 0.9999


def score(records: Records) -> pl.DataFrame:
    """Pairs that are links or worth a review: found_id, entry_id, weight (in bits, what is known before included),
    probability."""
    # Imported late: it takes a second, and most runs have nobody to link.
    from splink import DuckDBAPI, Linker

    connection = records.connection
    database = DuckDBAPI(connection)
    tables = [database.register(_compared(connection, name), dataset_display_name=name) for name in ("entries", "found")]
    linker = Linker(tables, _settings(records.frequencies), log_level="ERROR")
    for key in KEYS:
        # Every entry that shares a key with someone found is among `entries`, so that its frequency is whole.
        connection.execute(f"""
            create table frequency_{key} as
            select {key}, count(*) / {records.frequencies.entries}::double as tf_{key} from entries group by {key}""")
        linker.table_management.register_term_frequency_lookup(database.register(f"frequency_{key}"), key)
    scored = linker.inference.predict(threshold_match_probability=REVIEW, warning_mode="never")
    pairs: pl.DataFrame = connection.sql(f"""
        select
            case when starts_with(unique_id_l, 'f') then unique_id_l else unique_id_r end as found_id,
            case when starts_with(unique_id_l, 'e') then unique_id_l else unique_id_r end as entry_id,
            round(match_weight, 4) as weight,
            round(match_probability, 6) as probability
        from {scored.physical_name}
        order by all""").pl()
    return pairs


def _compared(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """What the model sees of a table, as a view."""
    columns = ", ".join(["unique_id", *KEYS, "birth_year", "sex", "community", "street"])
    connection.execute(f"create view compared_{table} as select {columns} from {table}")
    return f"compared_{table}"


def _settings(frequencies: Frequencies) -> Any:
    from splink import SettingsCreator, block_on

    same_street = frequencies.street - frequencies.community
    return SettingsCreator(
        link_type="link_only",
        probability_two_random_records_match=IN_THE_BOOKS / max(frequencies.entries, 1),
        comparisons=[
            # What two different people's names have in common is told by their frequency; here it only adds up to one.
            _comparison("name", _NAME, dict.fromkeys(KEYS, 0.001), by_frequency=True),
            _comparison("birth_year", _BIRTH_YEAR, {"birth_year": frequencies.birth_year}),
            _comparison("sex", _SEX, {"sex": frequencies.sex}),
            _comparison("place", _PLACE, {"community": frequencies.community, "street": same_street}),
        ],
        # Two names that are equal sound the same, too.
        blocking_rules_to_generate_predictions=[block_on("pinyin_key"), block_on("characters_key")],
        retain_matching_columns=False,
    )


def _comparison(
    name: str, m: dict[str | None, float], u: dict[str, float], *, by_frequency: bool = False
) -> Any:
    """Equality of the columns of `m`, one after the other; where the first one is missing, nothing is said."""
    from splink.comparison_level_library import ElseLevel, ExactMatchLevel, NullLevel
    from splink.comparison_library import CustomComparison

    first, *_ = u
    levels: list[Any] = [NullLevel(first)]
    for column, chance in u.items():
        level = ExactMatchLevel(column).configure(m_probability=m[column], u_probability=_within(chance))
        levels.append(level.configure(tf_adjustment_column=column) if by_frequency else level)
    other = ElseLevel().configure(m_probability=m[None], u_probability=_within(1 - sum(u.values())))
    return CustomComparison(output_column_name=name, comparison_levels=[*levels, other])


def _within(probability: float) -> float:
    """Never 0 or 1, of which there is no logarithm: a county may have one community only."""
    return min(max(probability, _LEAST), _MOST)
