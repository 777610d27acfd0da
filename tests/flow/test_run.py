"""From landing to edition: every figure, verdict and state against the truth that the generator wrote beside it.

That the order in which files come does not matter is shown here by two runs, and where they come month by month
(`test_dagster_equals_run`) and supplier by supplier (`test_postgres`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.audit import GateFailed
from pipelines.run import run
from pipelines.settings import Home
from pipelines.verify import verify
from tests.flow.conftest import AS_OF
from tests.support.contents import content_hash

KEYS = ["unit_code", "period_type", "period", "kpi_id", "target_id"]
FIGURES = [
    "numerator", "denominator", "low_numerator", "low_denominator", "high_numerator", "high_denominator",
    "shortfall", "status", "certainty", "reporting_suppliers", "expected_suppliers",
]  # fmt: skip
VALUES = ["value", "value_low", "value_high"]
CopyOf = Callable[[Home], Home]


def query(home: Home, sql: str) -> pl.DataFrame:
    """What a reader of the current edition gets."""
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        return connection.sql(sql).pl()


def test_every_figure_status_bound_and_shortfall_equals_the_truth(published: Home) -> None:
    truth = pl.read_parquet(published.truth / "kpi_truth.parquet")
    figures = query(published, "select * from fct_kpi")
    joined = truth.join(figures, on=KEYS, how="full", suffix="_found", nulls_equal=True, coalesce=True)
    assert joined.height == truth.height == figures.height
    for name in FIGURES:
        wrong = joined.filter(~pl.col(name).eq_missing(pl.col(f"{name}_found")))
        assert wrong.is_empty(), (name, wrong.select(*KEYS, name, f"{name}_found").head(3).to_dicts())
    for name in VALUES:
        is_equal = (pl.col(name) - pl.col(f"{name}_found")).abs() < 1e-9
        is_absent = pl.col(name).is_null() & pl.col(f"{name}_found").is_null()
        wrong = joined.filter(~(is_equal | is_absent).fill_null(False))
        assert wrong.is_empty(), (name, wrong.select(*KEYS, name, f"{name}_found").head(3).to_dicts())


def test_the_truth_is_not_trivial(published: Home) -> None:
    truth = pl.read_parquet(published.truth / "kpi_truth.parquet")
    assert set(truth["status"]) >= {"met", "near", "missed", "no_data", "not_applicable", "too_early"}
    assert set(truth["certainty"].drop_nulls()) == {"confirmed", "undetermined"}
    assert set(truth["period_type"]) == {"month", "quarter", "year", "ytd"}


def test_verdicts_are_exactly_the_planted_rows_with_exactly_their_rules(published: Home) -> None:
    control = published.control
    found = duckdb.sql(f"""
        select distinct batches.supplier_id, batches.dataset, strftime(verdicts.period, '%Y-%m') as period,
            verdicts.row_number::bigint as row_number, verdicts.rule_id
        from '{control}/verdicts.parquet' as verdicts
        inner join '{control}/current_batches.parquet' as batches using (batch_id)""").pl()
    planted = pl.read_parquet(published.truth / "planted_rows.parquet").explode("rule_ids")
    planted = planted.select("supplier_id", "dataset", "period", "row_number", pl.col("rule_ids").alias("rule_id"))
    assert found.height > 100
    assert found.join(planted.unique(), on=planted.columns, how="anti").is_empty()
    assert planted.unique().join(found, on=planted.columns, how="anti").is_empty()


def test_the_ledger_says_of_every_file_what_was_planted(published: Home) -> None:
    planted = pl.read_parquet(published.truth / "planted_files.parquet")
    with sqlite3.connect(published.store) as connection:
        log = {
            (name, period): (outcome, code, bool(is_current))
            for name, period, outcome, code, is_current in connection.execute("""
                select delivery.file_name, delivery.period, delivery.outcome, delivery.refusal_code,
                    slot.batch_id is not null and slot.batch_id = delivery.batch_id
                from delivery join slot using (supplier_id, dataset, period)""")
        }
    for row in planted.iter_rows(named=True):
        entry = log.get((row["file_name"], row["period"]))
        match row["expected_outcome"]:
            case "missing" | "no_op":
                assert entry is None, row
            case "superseded":
                assert entry == ("accepted", None, False), row
            case "refused_superseded":
                assert entry is not None and entry[0] == "refused_superseded", row
            case "refused":
                assert entry == ("refused", row["refusal_code"], False), row
            case _:
                assert entry == ("accepted", None, True), row
    assert len(log) > planted.height


def test_a_second_run_makes_no_edition_and_computes_nothing(published: Home, copy_of: CopyOf) -> None:
    home = copy_of(published)
    again = run(home, as_of=AS_OF)
    assert again.publication is not None and not again.publication.is_new
    assert (again.computed_periods, again.files) == (0, [])
    assert len(list(home.editions.iterdir())) == 1


def test_computing_everything_again_gives_the_same_content(published: Home, copy_of: CopyOf) -> None:
    home = copy_of(published)
    again = run(home, as_of=AS_OF, full_refresh=True)
    assert again.publication is not None and not again.publication.is_new
    assert content_hash(home) == content_hash(published)


def test_the_last_month_of_some_suppliers_before_everything_else_gives_the_content_of_one_run(
    delivered: Home, published: Home, copy_of: CopyOf
) -> None:
    home = copy_of(delivered)
    waiting = home.landing.rename(home.root / "waiting")
    last = max(path.name for path in waiting.glob("*/*/*"))
    hashes = []
    for slots in (f"grid_*/*/{last}", "*/*/*"):
        for slot in list(waiting.glob(slots)):
            place = home.landing / slot.relative_to(waiting)
            place.parent.mkdir(parents=True, exist_ok=True)
            slot.rename(place)
        taken = run(home, as_of=AS_OF)
        assert taken.files != [] and taken.publication is not None and taken.publication.is_new
        hashes.append(content_hash(home))
    assert hashes[0] != hashes[1] == content_hash(published)
    assert verify(home).damages == []


def test_a_corrected_delivery_makes_an_edition_and_says_so(published: Home, copy_of: CopyOf) -> None:
    home = copy_of(published)
    folder = home.landing / "county_civil" / "civil_facilities" / "2026-01"
    before = query(home, "select sum(numerator) as area from fct_kpi where kpi_id like 'facility%' and status = 'met'")
    (folder / "clean.csv").write_text(
        "设施编号,社区代码,设施类型,建筑面积,室外面积,取得方式,启用日期,停用日期,功能室,亲民化改造日期\n"
        "F1,610629001002,综合服务,5000,,新建,2020-01-01,,,\n",
        encoding="utf-8",
    )
    result = run(home, as_of=AS_OF)
    assert result.publication is not None and result.publication.is_new
    after = query(home, "select sum(numerator) as area from fct_kpi where kpi_id like 'facility%' and status = 'met'")
    assert before["area"].item() != after["area"].item()
    assert len(list(home.editions.iterdir())) == 2


def test_a_damaged_batch_blocks_publication_and_leaves_the_edition(published: Home, copy_of: CopyOf) -> None:
    home = copy_of(published)
    pointed_to, digest = home.pointer.resolve(), content_hash(home)
    batch = next((home.lake / "civil_facilities" / "period=2026-01").glob("*.parquet"))
    pl.read_parquet(batch).head(3).write_parquet(batch)
    with pytest.raises(GateFailed) as failure:
        run(home, as_of=AS_OF, full_refresh=True)
    assert "row_accounts" in failure.value.findings
    assert (home.pointer.resolve(), content_hash(home)) == (pointed_to, digest)
    assert any(damage.what == "batch" for damage in verify(home).damages)


def test_what_was_written_verifies(published: Home) -> None:
    found = verify(published)
    assert found.damages == []
    assert found.batches > 60 and found.ledger_entries >= found.batches and found.editions == 1


def test_every_table_and_column_of_an_edition_has_a_comment(published: Home) -> None:
    uncommented = query(
        published,
        """
        select table_name, column_name from duckdb_columns() where coalesce(comment, '') = '' and not internal
        union all
        select table_name, '' from duckdb_tables() where coalesce(comment, '') = ''""",
    )
    assert uncommented.is_empty(), uncommented.to_dicts()


def test_no_delivered_identity_number_is_found_outside_landing(delivered: Home, published: Home) -> None:
    people = _delivered_people(delivered)
    assert len(people) > 1_000
    looked_at = 0
    for path in sorted(published.root.rglob("*")):
        if not path.is_file() or path.is_relative_to(published.landing) or path.is_symlink():
            continue
        looked_at += 1
        assert not (_texts(path) & people), path.relative_to(published.root)
    assert looked_at > 200


def _delivered_people(home: Home) -> set[str]:
    """The composed 18-character identity numbers that the delivered CSV files hold."""
    found: set[str] = set()
    for path in sorted(home.landing.glob("*/*/*/*.csv")):
        if path.parts[-3] not in ("household_persons", "police_residence_registrations", "grid_residents"):
            continue
        data = path.read_bytes()
        text = data.decode("utf-8-sig", "ignore") if b"\xef\xbb\xbf" in data[:3] else _decoded(data)
        for line in text.splitlines():
            found |= {cell for cell in line.split(",") if len(cell) == 18 and cell.startswith("999")}
    return found


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _texts(path: Path) -> set[str]:
    """Every text in a file: cells of Parquet and DuckDB, words of anything else."""
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        columns = [frame[name] for name, dtype in frame.schema.items() if dtype == pl.String]
        return {text for column in columns for text in column.drop_nulls().unique()}
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "select table_name, column_name from duckdb_columns() where data_type = 'VARCHAR' "
                "and table_name in (select table_name from duckdb_tables())"
            ).fetchall()
            return {
                text
                for table, column in tables
                for (text,) in connection.execute(f'select distinct "{column}" from "{table}"').fetchall()
            }
    words = path.read_bytes().decode("utf-8", "ignore")
    return {words[place : place + 18] for place in _places(words)}


def _places(words: str) -> list[int]:
    places, start = [], words.find("999")
    while start >= 0:
        places.append(start)
        start = words.find("999", start + 1)
    return places


def test_pairs_of_periods_do_not_overlap(published: Home) -> None:
    months = query(published, "select start_date, end_date from dim_period where period_type = 'month' order by 1")
    rows = list(months.iter_rows())
    assert all(earlier[1] < later[0] for earlier, later in pairwise(rows))
