"""The truth of the KPIs of staff, organizations, surveys and funding; `organisation` has their tables."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from pipelines.sample.judging import Figure
from pipelines.sample.measuring import Amounts, Condition, Kpi, Level, Measure, Moment, Role

STAFF, ORGANIZATIONS, SURVEYS, FUNDING = "civil_staff", "civil_organizations", "civil_surveys", "civil_funding"
EQUIPMENT, PROGRAMMES = "civil_equipment", "civil_programmes"
PERCENT = 100
CENT = Fraction(1, 100)
OWN_STAFF = ("secretary", "director", "deputy", "social_worker", "drug_social_worker", "office")
COMMITTEES = ("mediation_committee", "security_committee", "health_committee", "environment_committee")
_EVERYWHERE: tuple[Level, ...] = ("province", "city", "county", "street", "community")
_FROM_STREETS = _EVERYWHERE[:-1]


def _is(column: str, *values: str) -> Condition:
    return lambda _: pl.col(column).is_in(list(values))


def _all(*conditions: Condition) -> Condition:
    return lambda moment: pl.all_horizontal(condition(moment) for condition in conditions)


def _by_then(column: str) -> Condition:
    return lambda moment: pl.col(column) <= moment.end


def _since_january(column: str) -> Condition:
    return lambda moment: pl.col(column).is_between(moment.year_start, moment.end)


def _not_ended(moment: Moment) -> pl.Expr:
    return pl.col("ended_date").is_null() | (pl.col("ended_date") > moment.end)


def _is_true(column: str) -> Condition:
    return lambda _: pl.col(column)


def _of_the_year(moment: Moment) -> pl.Expr:
    return pl.col("year") == moment.month.year


def _in_reformed_place(_: Moment) -> pl.Expr:
    """As the register of communities says, of other counties as stated; not known where nobody knows which one it is."""
    return pl.when(pl.col("community_code").is_not_null()).then(pl.coalesce("_is_adjusted", "adjusted"))


_IN_POST = _all(_by_then("started_date"), _not_ended)
_ORGANIZATION = _all(_not_ended, _is("kind", "functional", "interest_volunteer", "other"))
_OWN_STAFF = _all(_IN_POST, _is("post", *OWN_STAFF))


def _counted(kpi_id: str, dataset: str, counts: Condition, amount: str | None = None) -> Kpi:
    measure = Measure(kpi_id, dataset, "count", counts, amount=amount)
    return Kpi(kpi_id, "count", {dataset: "cases"}, (measure,), step=CENT if amount else Fraction(1))


def _share(kpi_id: str, dataset: str, measure: Measure, role: Role = "cases", step: Fraction = Fraction(1)) -> Kpi:
    return Kpi(kpi_id, "rate", {dataset: role}, (measure,), scale=PERCENT, step=step)


def _incubated(kind: str) -> Condition:
    return _all(_is("kind", kind), _since_january("incubated_date"))


def _incubated_count(kpi_id: str, kind: str) -> Kpi:
    return Kpi(kpi_id, "count", {ORGANIZATIONS: "cases"}, (Measure(kpi_id, ORGANIZATIONS, "count", _incubated(kind)),), _EVERYWHERE)


def _incubated_share(kpi_id: str, kind: str) -> Kpi:
    measure = Measure(kpi_id, ORGANIZATIONS, "rate", _incubated(kind), passes=_in_reformed_place)
    return Kpi(kpi_id, "rate", {ORGANIZATIONS: "cases"}, (measure,), _FROM_STREETS, PERCENT, lever="both")


def _committees_of_four(amounts: Amounts) -> Figure:
    """Of each kind one in a community; a row in doubt is one committee, whichever it is."""
    whole = Fraction(len(COMMITTEES) * amounts.communities)
    present = sum((amounts[kind] for kind in COMMITTEES), Fraction(0))
    places = (min(amounts[kind] + amounts[f"{kind}_doubtful"], Fraction(amounts.communities)) for kind in COMMITTEES)
    most = min(sum(places, Fraction(0)), present + amounts["committees_doubtful"])
    return Figure(present, whole, present, whole, most, whole)


def _communities_of_all(amounts: Amounts) -> Figure:
    found, whole = amounts["shoulders"], Fraction(amounts.communities)
    return Figure(found, whole, found, whole, min(found + amounts["shoulders_doubtful"], whole), whole)


def _least_pay(amounts: Amounts) -> Figure:
    """Nothing per nothing where nobody's pay is known; what is in doubt may be lower, or no pay of anyone here."""
    stated, doubted = amounts["pay_rows"], amounts["pay_doubtful_rows"]
    candidates = [amounts["pay"]] * bool(stated) + [amounts["pay_doubtful"]] * bool(doubted)
    lowest = Fraction(0) if amounts["pay_unbounded"] or not candidates else min(candidates)
    at_most = Fraction(bool(stated or doubted or amounts["pay_unbounded"]))
    highest = amounts["pay"] if stated or not at_most else None
    return Figure(amounts["pay"], Fraction(bool(stated)), lowest, at_most, highest, at_most)


MEASURES: tuple[Kpi, ...] = (
    _counted("legal_advisers", STAFF, _all(_IN_POST, _is("post", "legal_adviser"))),
    _counted("psychological_counsellors", STAFF, _all(_IN_POST, _is("post", "counsellor"))),
    _counted("drug_social_workers", STAFF, _all(_IN_POST, _is("post", "drug_social_worker"))),
    _counted("certified_social_workers", STAFF, _all(_IN_POST, _is("post", "social_worker"), _is_true("certified"))),
    _counted("filed_organizations", ORGANIZATIONS, _all(_ORGANIZATION, _by_then("filed_date"))),
    _counted("registered_organizations", ORGANIZATIONS, _all(_ORGANIZATION, _by_then("registered_date"))),
    _incubated_count("incubated_functional_organizations", "functional"),
    _incubated_count("incubated_interest_organizations", "interest_volunteer"),
    _incubated_share("incubated_functional_adjusted_share", "functional"),
    _incubated_share("incubated_interest_adjusted_share", "interest_volunteer"),
    Kpi(
        "subcommittee_complete_rate", "rate", {ORGANIZATIONS: "numerator"},
        (
            *(Measure(kind, ORGANIZATIONS, "places", _all(_not_ended, _is("kind", kind))) for kind in COMMITTEES),
            Measure("committees", ORGANIZATIONS, "count", _all(_not_ended, _is("kind", *COMMITTEES))),
        ),
        scale=PERCENT, figure=_committees_of_four,
    ),
    Kpi(
        "one_shoulder_rate", "rate", {STAFF: "numerator"},
        (Measure("shoulders", STAFF, "places", _all(_IN_POST, _is("post", "secretary"), _is_true("secretary_is_director"))),),
        scale=PERCENT, figure=_communities_of_all,
    ),
    _share(
        "seconded_staff_certified_rate", STAFF,
        Measure("seconded", STAFF, "rate", _all(_IN_POST, _is("post", "seconded")), passes=_is_true("certified")),
    ),
    _counted("community_staff", STAFF, _OWN_STAFF),
    Kpi(
        "staff_pay_floor_yuan", "count", {STAFF: "denominator"},
        (Measure("pay", STAFF, "minimum", _OWN_STAFF, amount="monthly_pay_yuan"),),
        step=CENT, figure=_least_pay,
    ),
    _counted("annual_funding_yuan", FUNDING, _of_the_year, "budgeted_yuan"),
    _share(
        "funding_disbursement_rate", FUNDING,
        Measure("funding", FUNDING, "rate", _of_the_year, amount="budgeted_yuan", passed_amount="disbursed_yuan"),
        step=CENT,
    ),
    Kpi(
        "computers_per_staff", "ratio", {EQUIPMENT: "amount", STAFF: "denominator", PROGRAMMES: "amount"},
        (
            Measure("computers", EQUIPMENT, "count", _is("item", "office_computer"), amount="quantity"),
            Measure("staff", STAFF, "count", _OWN_STAFF),
            Measure(
                "pilots", PROGRAMMES, "count",
                lambda _: (pl.col("kind") == "smart_pilot") & (pl.col("status") != "cancelled")
                & (pl.col("unit_code").str.len_chars() == 12),
                place="unit_code",
            ),
        ),
        variant=lambda amounts: "pilot" if amounts["pilots"] else "other",
    ),
    _share(
        "resident_satisfaction_rate", SURVEYS,
        Measure("asked", SURVEYS, "rate", _since_january("surveyed_date"), amount="sample", passed_amount="satisfied"),
    ),
)  # fmt: skip
