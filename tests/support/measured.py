"""A county of three communities, and deliveries that measures are tried on: sheets, counted by hand in the tests."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import Any

import polars as pl

from expectations.contract import load_contract
from pipelines.county import County, Expected
from pipelines.sample.areas import Span, Unit
from pipelines.sample.evaluating import Evaluation
from pipelines.sample.measuring import Kpi, Measure
from pipelines.sample.sheets import Planted, Sheet
from pipelines.sample.truth import Truth

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
# The fixture's county closes a month on the 10th of the next.
CUTOFF, LATER = datetime(2026, 2, 10, 23, 0), datetime(2026, 2, 11, 0, 30)
COUNTY_CODE, STREET, OTHER_STREET = "610629", "610629101", "610629102"
A, B, C = f"{STREET}201", f"{STREET}202", f"{OTHER_STREET}201"
TOWN, OTHER_TOWN, CIVIL = f"grid_{STREET}", f"grid_{OTHER_STREET}", "county_civil"
TYPES: dict[str, Any] = {
    "date": pl.Date, "timestamp": pl.Datetime("us"), "integer": pl.Int64, "decimal": pl.Int64, "boolean": pl.Boolean,
    "list": pl.List(pl.String),
}  # fmt: skip

# --- what measures count

OLD = date(2010, 1, 1)
SERVICE = Measure(
    "open", "civil_facilities", "count",
    lambda at: (pl.col("kind") == "comprehensive_service") & (pl.col("opened_date") <= at.end),
)  # fmt: skip
MANAGED = Measure(
    "areas", "civil_residential_areas", "rate", lambda _: pl.col("kind") == "commodity",
    passes=lambda _: pl.col("managed_by_property"),
)  # fmt: skip
CLOSED = Measure(
    "events", "grid_events", "rate", passes=lambda _: pl.col("status") == "closed", passed_on="verified_at"
)
REPORTED = datetime(2026, 1, 20, 8, 15)


def with_more_expected(county: County) -> County:
    """The usual county, in which further datasets are expected, up to March 2026."""
    more = [
        Expected(dataset=dataset, suppliers=suppliers, due_day=5)
        for dataset, suppliers in {
            "civil_residential_areas": (CIVIL,), "civil_funding": (CIVIL,), "civil_programmes": (CIVIL,),
            "police_case_returns": ("county_police",), "grid_events": (TOWN, OTHER_TOWN), "grid_duty": (TOWN, OTHER_TOWN),
        }.items()
    ]  # fmt: skip
    return county.model_copy(update={"expected": (*county.expected, *more), "last_period": "2026-03"})


def units(*, later: str | None = None) -> pl.DataFrame:
    """The county, two streets, communities A and B in the one and C in the other; `later` is there from March on."""
    levels = {6: "county", 9: "street", 12: "community"}
    rows = [
        (code, levels[len(code)], MARCH if code == later else date(2016, 1, 1), None, None)
        for code in (COUNTY_CODE, STREET, OTHER_STREET, A, B, C)
    ]
    schema = {
        "unit_code": pl.String, "unit_level": pl.String, "valid_from": pl.Date, "valid_to": pl.Date,
        "opened_date": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def sheet(dataset: str, *rows: dict[str, Any], month: date = JANUARY) -> Sheet:
    """A settled sheet. Beside columns a row has `rules`, by which it is quarantined, or `state`, and `supplier`."""
    columns = {column.name: TYPES.get(column.type, pl.String) for column in load_contract(dataset).columns}
    default = CIVIL if dataset.startswith("civil") else TOWN
    cells = [
        {
            **dict.fromkeys(columns),
            **{name: value for name, value in row.items() if name in columns},
            "_supplier": row.get("supplier", default),
            "_state": row.get("state", "quarantined" if "rules" in row else "accepted"),
        }
        for row in rows
    ]
    schema = {**columns, "_supplier": pl.String, "_state": pl.String}
    made = Sheet(dataset, month, pl.DataFrame(cells, schema=schema))
    made.planted = {
        number: Planted("planted", tuple(row["rules"]), "quarantined")
        for number, row in enumerate(rows)
        if "rules" in row
    }
    return made


def of_month(month: date = JANUARY) -> Span:
    return Span("month", month, month, month)


QUARTER = Span("quarter", JANUARY, JANUARY, MARCH)


def amounts(
    kpi: Kpi, county: County, *sheets: Sheet, unit: str = A, span: Span | None = None,
    months: tuple[date, ...] = (JANUARY,), known: pl.DataFrame | None = None,
) -> dict[str, int | Fraction]:  # fmt: skip
    """The parts of the KPI's measures that are not 0, by name."""
    evaluation = Evaluation([kpi], county, units() if known is None else known)
    for one in sheets:
        evaluation.note(one)
    found = evaluation.amounts(kpi, Unit(unit, "community", None), span or of_month(), months)
    return {name: amount for name, amount in found.values.items() if amount}


def kpi_of(measure: Measure, **changes: Any) -> Kpi:
    kind = "rate" if measure.kind == "rate" else "count"
    return Kpi("tried", kind, {measure.dataset: "cases"}, (measure,), **changes)  # type: ignore[arg-type]


def truth_row(
    kpi: Kpi, county: County, *sheets: Sheet, unit: str = A, period: tuple[str, date] = ("month", JANUARY),
    silent: tuple[tuple[str, str, date], ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """The KPI's row of the truth, where all deliveries of the sheets' months arrived but those of `silent` slots."""
    found = Truth(county, units(), date(2026, 11, 22), kpis=[kpi], stated=[])
    for one in sheets:
        for supplier in (TOWN, OTHER_TOWN, CIVIL, "county_police"):
            if (supplier, one.dataset, one.month) not in silent:
                found.note_arrival(supplier, one.dataset, one.month)
    for month in {one.month for one in sheets}:
        registers = [one for one in sheets if one.month == month and load_contract(one.dataset).kind == "register"]
        found.note_month(month, {one.dataset: one for one in registers})
    for one in sheets:
        if load_contract(one.dataset).kind == "event":
            found.note_events(one)
    rows = found.table(MARCH).filter(
        pl.col("kpi_id") == kpi.kpi_id, pl.col("unit_code") == unit, pl.col("period_type") == period[0],
        pl.col("period") == period[1],
    )  # fmt: skip
    (row,) = rows.to_dicts()
    return row


def bounds(row: dict[str, Any]) -> list[Any]:
    """Numerator and denominator: of the figure, at the lowest, at the highest; then the values."""
    names = ("numerator", "denominator", "low_numerator", "low_denominator", "high_numerator", "high_denominator")
    return [row[name] if row[name] is None else float(row[name]) for name in names]


def facility(code: str | None = A, kind: str | None = "comprehensive_service", **more: Any) -> dict[str, Any]:
    return {"community_code": code, "kind": kind, "opened_date": OLD, "floor_area_m2": 10_050, **more}


def area_row(managed: bool | None, **more: Any) -> dict[str, Any]:
    return {"community_code": A, "kind": "commodity", "households": 100, "managed_by_property": managed, **more}


def event(number: str | None, reported: datetime | None, verified: datetime | None = None, **more: Any) -> dict[str, Any]:
    """One in community A, closed where it has been verified."""
    return {
        "event_no": number, "community_code": A, "reported_at": reported, "verified_at": verified,
        "status": "closed" if verified else "handled", **more,
    }  # fmt: skip
