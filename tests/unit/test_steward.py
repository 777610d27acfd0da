"""What the steward is shown: signals, estimates and links that wait, without a name, a number or a rank."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines import steward
from pipelines.cli import app
from pipelines.county import County, save_county
from pipelines.errors import WarehouseError
from pipelines.linking.months import REVIEW_SCHEMA
from pipelines.settings import Home
from tests.support.edition import build_edition

JUNE = date(2026, 6, 1)


@pytest.fixture
def published(home: Home, county: County, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A sample county with the small edition and two rows of the grid's list that wait."""
    save_county(county, home.county_file)
    build_edition(home.published)
    pairs = [
        ("b1", 7, "household_persons", "b2", 19, 0.62, "unlikely"),
        ("b1", 7, "police_residence_registrations", "b3", 4, 0.91, "rival"),
        ("b1", 9, "household_persons", "b2", 23, 0.44, "unlikely"),
    ]
    home.control.mkdir(parents=True)
    pl.DataFrame(pairs, REVIEW_SCHEMA, orient="row").write_parquet(home.control / "links_for_review.parquet")
    batches = [("b1", "grid_610629101", JUNE), ("b2", "county_household", JUNE), ("b3", "county_police", JUNE)]
    current = pl.DataFrame(batches, ["batch_id", "supplier_id", "period"], orient="row")
    current.write_parquet(home.control / "current_batches.parquet")
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    return home


def told(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_signals_are_told_with_what_was_found_and_expected_and_that_they_never_rank(published: Home) -> None:
    text = told("signals")
    assert "示例数据" in text
    assert steward.NOT_FOR_RANKING.zh in text and steward.NOT_FOR_RANKING.en in text
    assert "突变 Jump" in text and "所见 found 102 · 应有 expected 51" in text
    assert "请核对是否重复" in text and "Check for repeats" in text


def test_signals_of_another_month_are_left_out(published: Home) -> None:
    assert "0 条提示" in told("signals", "--period", "2026-05")
    assert len(json.loads(told("signals", "--period", "2026-06", "--json"))["signals"]) == 2


def test_a_month_that_is_none_is_refused(published: Home) -> None:
    result = CliRunner().invoke(app, ["signals", "--period", "2026-13"])
    assert result.exit_code == 2


def test_estimates_stand_beside_the_registration_rate_and_only_where_enough_are_on_both_lists(published: Home) -> None:
    frame = steward.estimates(published)
    assert frame["month"].unique().to_list() == [JUNE]
    by_unit = {row["unit_name"]: row for row in frame.iter_rows(named=True)}
    assert by_unit["洛川县"]["estimate"] == 360.4 and by_unit["洛川县"]["registered"] > 0
    assert by_unit["交口河镇"]["estimate"] is None
    text = told("estimates")
    assert "360 (344–392)" in text and "相互独立" in text
    assert len(json.loads(told("estimates", "--period", "2026-01", "--json"))["estimates"]) == 4


def test_links_are_counted_by_supplier_and_listed_on_request(published: Home) -> None:
    counts = told("links")
    assert "2026-06" in counts and "grid_610629101" in counts and "2 行待核对" in counts
    listed = told("links", "--review")
    assert "b1" in listed and "19" in listed and "0.62" in listed and "另有同样相似者" in listed
    assert len(json.loads(told("links", "--json"))["pairs"]) == 3


def test_a_link_for_review_says_nothing_of_a_person(published: Home) -> None:
    columns = set(steward.links_for_review(published).columns)
    assert columns == {*REVIEW_SCHEMA, "supplier_id", "entry_supplier_id", "period"}
    assert not any("person" in name or "name" in name or "key" in name for name in columns)


def test_a_batch_that_is_no_longer_current_waits_for_nobody(published: Home) -> None:
    path: Path = published.control / "current_batches.parquet"
    pl.read_parquet(path).filter(pl.col("batch_id") != "b1").write_parquet(path)
    assert steward.links_for_review(published).is_empty()


@pytest.mark.parametrize("ask", [steward.signals, steward.estimates, steward.links_for_review])
def test_before_the_first_run_it_says_what_to_do(home: Home, ask: object) -> None:
    with pytest.raises(WarehouseError, match="warehouse run"):
        ask(home)  # type: ignore[operator]
