"""A warehouse into which nothing was taken in says so, where files belong and what gives a template."""

from __future__ import annotations

import pytest

from pipelines.errors import WarehouseError
from pipelines.first_delivery import NothingTakenIn
from pipelines.run import run
from pipelines.sample import generate
from pipelines.settings import Home
from pipelines.setup import set_up
from pipelines.store import Store


@pytest.fixture
def fresh(home: Home) -> Home:
    """A county as `warehouse init` leaves it."""
    set_up(home, "610629", first_period="2026-01")
    return home


def failure(home: Home) -> NothingTakenIn:
    with pytest.raises(NothingTakenIn) as failed:
        run(home)
    return failed.value


def last_outcome(home: Home) -> str:
    store = Store.at(home.store)
    last = store.last_run()
    store.close()
    assert last is not None
    return str(last["outcome"])


def test_a_run_without_any_file_says_where_files_belong_and_publishes_nothing(fresh: Home) -> None:
    error = failure(fresh)
    for text in (error.zh, error.en):
        assert f"{fresh.landing}/<supplier>/<dataset>/<YYYY-MM>/" in text
        assert "landing/county_household/household_households/2026-01/" in text
        assert "warehouse template household_households" in text
    assert "还没有收到任何报送文件" in error.zh
    assert not fresh.published.exists()
    assert last_outcome(fresh) == "failed"


def test_where_every_file_was_refused_the_first_reason_is_told(fresh: Home) -> None:
    folder = fresh.landing / "county_civil" / "civil_communities" / "2026-01"
    folder.mkdir(parents=True)
    (folder / "名册.csv").write_text("甲,乙\n1,2\n", encoding="utf-8")
    error = failure(fresh)
    assert "所有文件都被退回" in error.zh and "名册.csv：找不到表头" in error.zh
    assert "1 files refused" in error.en and "warehouse template civil_communities" in error.en
    assert "warehouse check" in error.zh
    assert not fresh.published.exists()


def test_files_that_lie_in_the_wrong_place_are_told(fresh: Home) -> None:
    (fresh.landing / "名册.csv").write_text("甲\n", encoding="utf-8")
    assert "1 个文件放错位置，其一 名册.csv" in failure(fresh).zh


def test_samples_are_not_put_into_a_real_county_and_the_refusal_says_what_to_do(fresh: Home) -> None:
    before = sorted(fresh.root.rglob("*"))
    with pytest.raises(WarehouseError) as refused:
        generate(fresh, "610629", people=2_000, months=1)
    assert "洛川县，正式数据（warehouse init 所建）" in refused.value.zh
    assert "WAREHOUSE_HOME=sample warehouse generate --county 610629" in refused.value.en
    assert sorted(fresh.root.rglob("*")) == before
