"""What may not change a figure does not, and what must change it does, by as much as the definition says.

One county of towns that all deliver the same, each in another way or with one thing changed; after one run over all of them each
town's figures are compared with those of the town that delivers plainly. A second run is of that town alone, a year later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.run import run
from pipelines.settings import Home
from pipelines.store import Store
from tests.support import towns_told_otherwise as otherwise
from tests.support.shared import made_once
from tests.support.towns import (
    Place,
    Town,
    books,
    each,
    figures,
    land,
    publish_alone,
    with_more,
)

SHARES = (
    "temporary_resident_registration_rate", "actual_population_link_rate", "dispute_handling_rate",
    "dispute_mediation_success_rate", "door_plate_rate", "registered_address_residence_rate",
)  # fmt: skip
AREA = "facility_area_per_100_households"
COUNTS = (
    "criminal_cases", "public_order_cases", "dispute_escalation_casualties", "police_room_count", "service_building_area_m2",
)  # fmt: skip
KPIS = (*SHARES, AREA, *COUNTS)
KEYS = ("place", "period_type", "period", "unit_basis", "kpi_id", "target_id")
Key = tuple[Any, ...]
Figure = dict[str, Any]
Figures = Callable[[str], dict[Key, Figure]]


# --- the county ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Same:
    """A town whose figures are those of another one.

    `places`: the places that are compared, by what is below the town in their codes, and what each is called in the other town;
    all that both have, unless said otherwise. `but`: columns that are not compared, and `without`: KPIs.
    """

    town: Town
    of: str = "plain"
    places: Mapping[str, str] | None = None
    but: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


STREET = {"": ""}
# As many are wanted in each community: a street with more of them wants more.
WANTED_IN_EACH = ("rooms_complete_rate", "rooms_complete_rate_centres", "rooms_complete_rate_a", "rooms_complete_rate_e", "specialised_grid_coverage")
# from February on A has the code that C has elsewhere
RECODED = {place + grid: place.replace("003", "001") + grid for place in ("", "001", "002", "003") for grid in ("", "-001", "-002")}
BY_TWO = (("_west", "001"), ("_east", "002"))


def _at(number: int, **special: Any) -> Town:
    return Town(Place(number), **special)


SAME = {
    "rows in another order": Same(_at(2, change=otherwise.rows_in_another_order)),
    "columns in another order": Same(_at(3, write=otherwise.columns_backwards)),
    "another encoding": Same(_at(4, write=otherwise.in_gb18030)),
    "workbooks instead of text": Same(_at(5, write=otherwise.as_a_workbook)),
    "headers by other names": Same(_at(6, write=otherwise.headers_by_other_names)),
    "a title, a note and totals around the table": Same(_at(7, write=otherwise.under_a_title)),
    "a column that nobody asked for": Same(_at(8, write=otherwise.with_a_column_that_nobody_asked_for)),
    "words and days spelled otherwise": Same(_at(9, change=each(otherwise.spelled_otherwise))),
    "the same file twice": Same(_at(10, write=otherwise.delivered_twice)),
    "a wrong file before the right one": Same(_at(11, write=otherwise.a_wrong_file_first)),
    "a correction that is refused": Same(_at(12, write=otherwise.a_correction_that_is_refused)),
    "every row three times in its file": Same(_at(13, change=otherwise.rows_told_three_times)),
    "two suppliers, each with one community": Same(
        # A register without rows is refused: nobody has said that there is no police room in A.
        _at(14, by=BY_TWO), but=("reporting_suppliers", "expected_suppliers"), without=("police_room_count",),
    ),
    "February before January": Same(_at(15, is_backwards=True)),
    "January's events told again in February": Same(_at(16, change=otherwise.told_again_a_month_later)),
    "other numbers of facilities, disputes and households": Same(_at(17, change=each(otherwise.numbered_otherwise))),
    "other documents of the people": Same(_at(18, change=each(otherwise.with_passports))),
    "registered with the neighbours": Same(_at(19, change=otherwise.registered_with_the_neighbours)),
    "another name of the community": Same(_at(20, change=otherwise.renamed())),
    "another name of the community, by decree": Same(_at(21, change=otherwise.renamed(change_kind="更名", document_no="示政发〔2026〕1号"))),
    "another code of the community": Same(_at(22, change=otherwise.recoded), places=RECODED),
    "a community more, with a part of another's": Same(_at(23, change=otherwise.divided), places=STREET, without=WANTED_IN_EACH),
    "a community split off in February": Same(_at(24, change=otherwise.divided_in_february), places=STREET, without=WANTED_IN_EACH),
    "rows that no definition asks about": Same(_at(25, change=with_more(otherwise.not_asked_about))),
    "an event corrected by a file that came first": Same(_at(27, change=otherwise.corrected_a_month_later, is_backwards=True), of="corrected"),
}  # fmt: skip
CHANGED = {
    "plain": _at(1),
    "corrected": _at(26, change=otherwise.corrected_a_month_later),
    "quarantined": _at(28, change=with_more(otherwise.quarantined)),
    "one passes": _at(29, change=with_more(otherwise.one_that_passes)),
    "one fails": _at(30, change=with_more(otherwise.one_that_fails)),
    "one counts": _at(31, change=with_more(otherwise.one_more_to_count)),
    "thrice": _at(32, change=otherwise.three_times_as_many),
    "made good": _at(33, change=otherwise.made_good),
    "one step short": _at(34, change=otherwise.made_good_but_for_one_step),
    "without a return": _at(35, change=otherwise.without_a_return),
    "merged without a return": _at(36, change=otherwise.merged_without_a_return),
}
TOWNS = {name: same.town for name, same in SAME.items()} | CHANGED


def _publish(folder: Path) -> None:
    land(Home(folder), list(TOWNS.values()))
    run(Home(folder), as_of=date(2026, 6, 1))


@pytest.fixture(scope="module")
def county() -> Home:
    return Home(made_once("towns", _publish))


@pytest.fixture(scope="module")
def published(county: Home) -> pl.DataFrame:
    return figures(county)


@pytest.fixture(scope="module")
def of(published: pl.DataFrame) -> Figures:
    """The figures of a town, by its name here."""

    @cache
    def _of(name: str) -> dict[Key, Figure]:
        return keyed(published.filter(town=TOWNS[name].at.number))

    return _of


def keyed(frame: pl.DataFrame) -> dict[Key, Figure]:
    found = {tuple(row[name] for name in KEYS): row for row in frame.drop("town").iter_rows(named=True)}
    assert len(found) == frame.height
    return found


def kpis(figures: dict[Key, Figure], *kpi_ids: str, place: str = "001", period_type: str = "month") -> dict[tuple[str, date], Figure]:
    """Of a place the figures of these KPIs, by KPI and period."""
    return {
        (row["kpi_id"], row["period"]): row
        for row in figures.values()
        if row["kpi_id"] in kpi_ids and (row["place"], row["period_type"], row["unit_basis"]) == (place, period_type, "as_was")
    }


def differences(found: dict[Key, Figure], expected: dict[Key, Figure], but: tuple[str, ...] = ()) -> list[str]:
    """What differs, by place, period and KPI; what one of both lacks, too."""
    told = [f"{key}: {'missing' if key in expected else 'not expected'}" for key in sorted(found.keys() ^ expected.keys(), key=str)]
    return told + [
        f"{key} {name}: {found[key][name]} instead of {expected[key][name]}"
        for key in sorted(found.keys() & expected.keys(), key=str)
        for name in expected[key]
        if name not in but and found[key][name] != expected[key][name]
    ]


# --- nothing changes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAME)
def test_a_town_has_the_same_figures_with(name: str, of: Figures) -> None:
    same = SAME[name]
    found, expected = of(name), of(same.of)
    if same.places is not None:
        found = {(same.places[key[0]], *key[1:]): row | {"place": same.places[key[0]]} for key, row in found.items() if key[0] in same.places}
        expected = {key: row for key, row in expected.items() if key[0] in same.places.values()}
    found, expected = ({key: row for key, row in rows.items() if row["kpi_id"] not in same.without} for rows in (found, expected))
    assert differences(found, expected, same.but)[:5] == []


def test_a_town_has_the_same_figures_alone_in_its_county_a_year_later(of: Figures) -> None:
    home = Home(made_once("town-alone", publish_alone))
    alone = figures(home).filter(town=1).with_columns(pl.col("period").dt.offset_by("-1y"))
    assert differences(keyed(alone), of("plain"))[:5] == []


def test_the_plain_town_is_not_trivial(of: Figures) -> None:
    january = date(2026, 1, 1)
    told = {
        kpi: (row["numerator"], row["denominator"], row["status"], row["shortfall"])
        for (kpi, month), row in kpis(of("plain"), *KPIS).items()
        if month == january
    }
    assert told == {
        "temporary_resident_registration_rate": (4, 6, "missed", 2),
        "actual_population_link_rate": (6, 8, "no_target", None),
        "dispute_handling_rate": (2, 3, "missed", 1),
        "dispute_mediation_success_rate": (1, 2, "missed", 1),
        "door_plate_rate": (2, 3, "missed", 1),
        "registered_address_residence_rate": (2, 3, "missed", 1),
        "facility_area_per_100_households": (45, 160, "missed", 3),
        "criminal_cases": (2, 1, "missed", 2),
        "public_order_cases": (0, 1, "met", 0),
        "dispute_escalation_casualties": (1, 1, "missed", 1),
        "police_room_count": (0, 1, "missed", 1),
        "service_building_area_m2": (45, 1, "missed", 455),
    }
    in_b = {row["status"] for row in kpis(of("plain"), *KPIS, place="002").values()}
    assert in_b == {"met", "missed", "no_target", "not_applicable"}
    assert {row["status"] for row in of("plain").values()} >= {"met", "missed", "no_data", "too_early"}


def test_what_was_done_to_the_files_was_done(county: Home) -> None:
    """Else the towns would be the same because nothing had happened."""
    store = Store.of(county)
    told: dict[str, list[str]] = {}
    for entry in store.deliveries():
        told.setdefault(entry["supplier_id"], []).append(entry["outcome"])
    received = {entry["supplier_id"]: entry["received_at"] for entry in reversed(store.deliveries()) if entry["period"] == "2026-02"}
    store.close()
    by_town = {name: told[supplier] for name, town in TOWNS.items() for supplier in town.suppliers}
    assert set(by_town["plain"]) == {"accepted"}
    plain = len(by_town["plain"])
    assert by_town["the same file twice"] == ["accepted"] * plain
    # where there is but one row, the wrong file is the right one
    more = sum(len(rows) > 1 for rows in books(TOWNS["plain"].at).values())
    assert by_town["a wrong file before the right one"] == ["accepted"] * (plain + more) and more > plain / 2
    assert sorted(by_town["a correction that is refused"]) == ["accepted"] * plain + ["refused"] * plain
    assert received["town_15"] < received["town_1"]


# --- something changes -----------------------------------------------------------------------------------------


def test_rows_in_quarantine_change_no_figure_and_make_bounds_only_wider(of: Figures) -> None:
    found, expected = of("quarantined"), of("plain")
    wider = ("low_numerator", "low_denominator", "high_numerator", "high_denominator", "value_low", "value_high", "certainty")
    assert differences(found, expected, wider)[:5] == []
    widened, undetermined = set(), set()
    for key, before in expected.items():
        after = found[key]
        if before["value"] is not None:
            # an area that cannot be read has no upper limit
            (low, high), (least, most) = ((row["value_low"], inf if row["value_high"] is None else row["value_high"]) for row in (before, after))
            assert least <= low <= before["value"] <= high <= most, key
            widened |= {before["kpi_id"]} if (least, most) != (low, high) else set()
        if before["certainty"] != after["certainty"]:
            assert (before["certainty"], after["certainty"]) == ("confirmed", "undetermined"), key
            undetermined.add(before["kpi_id"])
    assert widened >= {*SHARES, AREA, "police_room_count"}
    # one room may be the one that is missing; the one injury and the cases were told by sound rows
    assert undetermined >= {"police_room_count", "facility_area_per_100_households"}


@pytest.mark.parametrize("kpi_id", SHARES)
@pytest.mark.parametrize("place", ["001", ""], ids=["community", "street"])
def test_one_more_row_that_passes_adds_one_to_both_and_one_that_fails_to_the_denominator(kpi_id: str, place: str, of: Figures) -> None:
    plain = kpis(of("plain"), kpi_id, place=place)
    passing, failing = kpis(of("one passes"), kpi_id, place=place), kpis(of("one fails"), kpi_id, place=place)
    changed = 0
    for key, before in plain.items():
        more, less = passing[key], failing[key]
        if key == (kpi_id, date(2026, 2, 1)) and kpi_id.startswith("dispute"):
            assert more == before == less  # the dispute was told in January
            continue
        assert (more["numerator"], more["denominator"]) == (before["numerator"] + 1, before["denominator"] + 1)
        # a dispute that is pending is none of those that were handled
        failed = 0 if kpi_id == "dispute_mediation_success_rate" else 1
        assert (less["numerator"], less["denominator"]) == (before["numerator"], before["denominator"] + failed)
        assert less["value"] <= before["value"] <= more["value"]
        changed += more["value"] > before["value"]
    assert changed


def test_one_more_of_what_is_counted_adds_what_it_counts_and_to_nothing_else(of: Figures) -> None:
    plain, more = of("plain"), of("one counts")
    added = {"police_room_count": Decimal(1), AREA: Decimal("10.5"), "service_building_area_m2": Decimal("10.5")}
    for kpi_id, amount in added.items():
        for place in ("001", ""):
            for key, row in kpis(more, kpi_id, place=place).items():
                assert row["numerator"] - kpis(plain, kpi_id, place=place)[key]["numerator"] == amount
    # the rooms of a facility are asked about by KPIs of their own
    others = {key: row for key, row in plain.items() if key[4] not in added and not key[4].startswith("rooms_complete")}
    assert differences({key: row for key, row in more.items() if key in others}, others)[:5] == []


@pytest.mark.parametrize("place", ["001", "002", ""], ids=["community A", "community B", "street"])
def test_three_times_as_many_have_the_same_rates_and_three_times_the_counts(place: str, of: Figures) -> None:
    plain, thrice = kpis(of("plain"), *KPIS, place=place), kpis(of("thrice"), *KPIS, place=place)
    assert plain.keys() == thrice.keys()
    for key, before in plain.items():
        after, is_count = thrice[key], before["kpi_id"] in COUNTS
        assert after["numerator"] == 3 * before["numerator"], key
        assert after["denominator"] == (before["denominator"] if is_count else 3 * before["denominator"]), key
        if not is_count:
            assert (after["value"], after["status"]) == (before["value"], before["status"]), key
        if before["chance_low"] is not None:
            assert before["chance_low"] < after["chance_low"] < after["chance_high"] or before["denominator"] == 0, key
            assert after["chance_high"] - after["chance_low"] < before["chance_high"] - before["chance_low"], key
        if before["shortfall"] is not None and not is_count:
            # ⌈3x⌉ of whole actions; square metres are not rounded up
            least = 3 * before["shortfall"] - (0 if before["kpi_id"] == AREA else 2)
            assert max(least, 0) <= after["shortfall"] <= 3 * before["shortfall"], key


@pytest.mark.parametrize("name", ["without a return", "merged without a return"])
def test_a_return_that_is_absent_leaves_the_street_without_an_upper_limit(name: str, of: Figures) -> None:
    months, to_date = kpis(of(name), "criminal_cases", place=""), kpis(of(name), "criminal_cases", place="", period_type="ytd")
    january, february = (("criminal_cases", date(2026, month, 1)) for month in (1, 2))
    assert (months[january]["numerator"], months[january]["high_numerator"]) == (1, None)
    assert (months[february]["numerator"], months[february]["high_numerator"]) == (1, 1)
    assert (to_date[february]["numerator"], to_date[february]["high_numerator"]) == (2, None)


def test_as_of_today_too_a_return_that_is_absent_leaves_no_upper_limit(of: Figures) -> None:
    """A of today holds what was C in January, whose return is missing."""
    found = [
        (row["period"], row["numerator"], row["high_numerator"])
        for row in of("merged without a return").values()
        if (row["kpi_id"], row["place"], row["unit_basis"], row["period_type"]) == ("criminal_cases", "001", "as_now", "month")
    ]
    assert found == [(date(2026, 1, 1), 1, None)]


def test_a_correction_of_an_event_counts_in_the_month_of_the_event(of: Figures) -> None:
    handled = "dispute_handling_rate"
    before, after = kpis(of("plain"), handled), kpis(of("corrected"), handled)
    january, february = (handled, date(2026, 1, 1)), (handled, date(2026, 2, 1))
    assert (before[january]["numerator"], after[january]["numerator"], after[january]["status"]) == (2, 3, "met")
    assert before[february] == after[february]


@pytest.mark.parametrize(
    # without those that have no target, or meet it, or need ten times what they have
    "kpi_id", sorted({*KPIS} - {"actual_population_link_rate", "public_order_cases", "service_building_area_m2"}),
)  # fmt: skip
def test_as_much_as_is_missing_meets_the_target(kpi_id: str, of: Figures) -> None:
    january = (kpi_id, date(2026, 1, 1))
    before, after = kpis(of("plain"), kpi_id)[january], kpis(of("made good"), kpi_id)[january]
    assert (before["status"], after["status"], after["shortfall"]) == ("missed", "met", 0)


@pytest.mark.parametrize(("kpi_id", "step"), [("temporary_resident_registration_rate", Decimal(1)), (AREA, Decimal("0.01"))])
def test_a_step_less_than_is_missing_does_not(kpi_id: str, step: Decimal, of: Figures) -> None:
    short = kpis(of("one step short"), kpi_id)[kpi_id, date(2026, 1, 1)]
    assert (short["status"], short["shortfall"]) == ("missed", step)


# --- figures among each other -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kpi_id", KPIS)
def test_a_street_adds_up_its_communities_and_the_county_its_streets(kpi_id: str, published: pl.DataFrame) -> None:
    own = published.filter(kpi_id=kpi_id, period_type="month", unit_basis="as_was").unique(["unit_level", "town", "place", "period"])
    names = ["numerator"] if kpi_id in COUNTS else ["numerator", "denominator"]
    for child, parent in (("community", "street"), ("street", "county")):
        by = ["town", "period"] if parent == "street" else ["period"]
        added = own.filter(unit_level=child).group_by(by).agg(pl.col(name).sum() for name in names)
        above = own.filter(unit_level=parent).select(*by, *names)
        assert above.height == (2 * len(TOWNS) if parent == "street" else 2)
        assert above.sort(by).rows() == added.select(*by, *names).sort(by).rows()


@pytest.mark.parametrize("kpi_id", KPIS)
def test_what_happened_by_february_is_what_happened_in_both_months_and_what_stands_is_what_stands_then(kpi_id: str, of: Figures) -> None:
    happened = (
        "dispute_handling_rate", "dispute_mediation_success_rate", "criminal_cases", "public_order_cases",
        "dispute_escalation_casualties",
    )  # fmt: skip
    for name in TOWNS:
        months, to_date = kpis(of(name), kpi_id, place=""), kpis(of(name), kpi_id, place="", period_type="ytd")
        january, february = ((kpi_id, date(2026, month, 1)) for month in (1, 2))
        assert to_date[january]["numerator"] == months[january]["numerator"]
        counted = [months[january], months[february]] if kpi_id in happened else [months[february]]
        assert to_date[february]["numerator"] == sum(month["numerator"] for month in counted), name
        if kpi_id not in COUNTS:
            assert to_date[february]["denominator"] == sum(month["denominator"] for month in counted), name
