"""county.yml: what it may say, what it may not, and when a period closes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pipelines.county import County, load_county, save_county
from pipelines.errors import WarehouseError
from pipelines.settings import Home

MINIMAL: dict[str, Any] = {
    "county_code": "610629",
    "name_zh": "洛川县",
    "first_period": "2026-01",
    "suppliers": [{"id": "grid_a", "name_zh": "甲", "covers": ["610629101"]}],
    "expected": [{"dataset": "grid_grids", "suppliers": ["grid_a"], "due_day": 5}],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**MINIMAL, **changes}


def supplier(**changes: Any) -> dict[str, Any]:
    return changed(suppliers=[{**MINIMAL["suppliers"][0], **changes}])


def expected(**changes: Any) -> dict[str, Any]:
    return changed(expected=[{**MINIMAL["expected"][0], **changes}])


def test_a_county_needs_little_and_is_real_unless_it_says_sample() -> None:
    county = County.model_validate(MINIMAL)
    assert county.sample is False
    assert (county.cutoff_day, county.retention_days, county.packs) == (10, 60, ())


@pytest.mark.parametrize(
    "content",
    [
        changed(cut_off_day=10),  # a misspelt key
        changed(parameters={"tolerance": {}}),
        supplier(cover=["610629101"]),
        expected(due=5),
        changed(county_code="61062"),
        changed(county_code=610629),
        changed(first_period="2026-1"),
        changed(first_period="2026-13"),
        changed(last_period="2026"),
        changed(cutoff_day=0),
        changed(cutoff_day=29),
        changed(retention_days=0),
        supplier(id="grid a"),
        supplier(contacts=["王 某"]),
        supplier(id="../grid_a"),
        supplier(covers=[]),
        supplier(covers=[610629101]),
        expected(dataset="grid_grid"),
        expected(suppliers=["grid_b"]),
        expected(suppliers=[]),
        expected(due_day=31),
        changed(suppliers=[MINIMAL["suppliers"][0]] * 2),
        changed(packs=["D1"], parameters={"programme_starts": {"D6": "2024-01-01"}}),
        changed(packs=["D1"], parameters={"programme_starts": {"D1": "2024"}}),
        changed(bulletin={"number": "洛办〔{yaer}〕6号"}),
        changed(bulletin={"number": "洛办{2026〕6号"}),
        {key: value for key, value in MINIMAL.items() if key != "expected"},
    ],
)
def test_anything_that_is_not_exactly_right_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        County.model_validate(content)


def test_an_unknown_supplier_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValidationError, match=r"supplier 'grid_b' is not declared; known: \['grid_a'\]"):
        County.model_validate(expected(suppliers=["grid_b"]))


def test_what_is_written_reads_back_as_it_was(home: Home, county: County) -> None:
    with_tolerance = county.model_copy(
        update={"parameters": county.parameters.model_copy(update={"tolerances": {"kpi": Decimal("0.1")}})}
    )
    save_county(with_tolerance, home.county_file)
    assert load_county(home.county_file) == with_tolerance
    assert home.county_file.read_text(encoding="utf-8").startswith("# 本县的全部配置")


def test_codes_written_to_the_file_stay_texts(home: Home, county: County) -> None:
    save_county(county, home.county_file)
    content = yaml.safe_load(home.county_file.read_text(encoding="utf-8"))
    assert content["county_code"] == "610629"
    assert content["suppliers"][-1]["covers"] == ["610629102"]


def test_no_file_says_which_command_makes_one(home: Home) -> None:
    with pytest.raises(WarehouseError) as caught:
        load_county(home.county_file)
    assert "warehouse init" in caught.value.zh
    assert "warehouse init" in caught.value.en


@pytest.mark.parametrize("text", ["", "county_code: [", "- 1\n- 2", "county_code: '610629'"])
def test_a_broken_file_is_an_error_that_names_it(home: Home, text: str) -> None:
    home.county_file.parent.mkdir(parents=True)
    home.county_file.write_text(text, encoding="utf-8")
    with pytest.raises(WarehouseError) as caught:
        load_county(home.county_file)
    assert caught.value.where == "county.yml"


def test_a_period_closes_after_the_cutoff_day_of_the_following_month(county: County) -> None:
    december = date(2025, 12, 1)
    assert county.cutoff_date(december) == date(2026, 1, 10)
    assert not county.is_closed(december, date(2026, 1, 10))
    assert county.is_closed(december, date(2026, 1, 11))


def months(county: County, last_delivered: date | None, as_of: date) -> list[str]:
    return [f"{month:%Y-%m}" for month in county.evaluated_months(last_delivered, as_of)]


def test_closed_months_are_evaluated_even_if_nothing_was_delivered(county: County) -> None:
    assert months(county, None, date(2026, 3, 10)) == ["2026-01"]
    assert months(county, None, date(2026, 3, 11)) == ["2026-01", "2026-02"]


def test_a_delivered_month_is_evaluated_before_it_closes(county: County) -> None:
    assert months(county, date(2026, 2, 1), date(2026, 2, 3)) == ["2026-01", "2026-02"]


def test_a_delivery_for_a_month_that_has_not_begun_waits(county: County) -> None:
    assert months(county, date(2062, 1, 1), date(2026, 2, 3)) == ["2026-01", "2026-02"]


def test_nothing_before_the_first_period_and_nothing_after_the_last_is_evaluated(county: County) -> None:
    assert months(county, date(2025, 12, 1), date(2025, 12, 31)) == []
    ended = county.model_copy(update={"last_period": "2026-02"})
    assert months(ended, date(2026, 6, 1), date(2027, 1, 1)) == ["2026-01", "2026-02"]


def test_a_supplier_is_found_by_its_id(county: County) -> None:
    assert county.supplier("grid_610629101").covers == ("610629101",)
    with pytest.raises(KeyError):
        county.supplier("nobody")


def test_who_is_told_of_alerts_is_kept_and_stands_in_no_edition(home: Home) -> None:
    mail = {"host": "mail.example.org", "port": 587, "sender": "warehouse@example.org", "user": "w", "password_file": "keys/mail"}
    alerts = {"routes": {"run_failed": ["zhaofx"]}, "mailboxes": {"leader": "leaders@example.org"}, "mail": mail}
    county = County.model_validate({**supplier(contacts=["grid1"]), "alerts": alerts})
    save_county(county, home.county_file)
    assert load_county(home.county_file) == county
    told = str(county.as_published())
    assert not any(name in told for name in ("alerts", "contacts", "zhaofx", "grid1", "leaders", "keys/mail"))
    assert County.model_validate(county.as_published()).suppliers[0].covers == ("610629101",)


def test_a_route_that_names_nobody_is_refused_with_its_place(home: Home) -> None:
    home.county_file.parent.mkdir(parents=True)
    home.county_file.write_text(yaml.safe_dump(changed(alerts={"routes": {"run_failed": []}})), "utf-8")
    with pytest.raises(WarehouseError, match=r"(?s)alerts\.routes.*run_failed must name roles"):
        load_county(home.county_file)
