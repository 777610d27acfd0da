"""The truth of the KPIs over grid events and over disputes of all kinds.

Belongs here: what counts, what passes, since when. Does not belong here: the events themselves (see `events`).
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import polars as pl

from pipelines.sample.domains.assessments import DEPARTMENTS
from pipelines.sample.judging import Figure
from pipelines.sample.measuring import LEVELS_WITH_GRIDS, Amounts, Condition, Kpi, Measure, Moment
from pipelines.sample.sheets import STATE

EVENTS, DISPUTES = "grid_events", "grid_disputes"
PERCENT = 100
CHANNELS = ("people", "administrative", "judicial")

_ACCEPTED = pl.col(STATE) == "accepted"
_CLOSED_AT, _DUE_AT, _SUPERVISED_TO = pl.col("verified_at"), pl.col("due_at"), pl.col("supervision_due_at")


def _has(column: str) -> Condition:
    """The cell is filled; of a refused row that is empty nobody knows."""
    filled = pl.col(column).is_not_null()
    return lambda _: pl.when(filled | _ACCEPTED).then(filled)


def _closed_by(due: pl.Expr) -> Condition:
    """Closed by then: an accepted event that is not closed is not, a refused one may be."""
    in_time = due >= _CLOSED_AT
    return lambda _: pl.when(_ACCEPTED).then(in_time.fill_null(False)).otherwise(in_time)


def _closed_or_due() -> pl.Expr:
    """Whichever comes first; of a refused row that lacks one nobody knows when that is."""
    return pl.when(_ACCEPTED | (_CLOSED_AT.is_not_null() & _DUE_AT.is_not_null())).then(pl.min_horizontal(_CLOSED_AT, _DUE_AT))


def _is(column: str, value: str) -> Condition:
    return lambda _: pl.col(column) == value


def _is_micro(_: Moment) -> pl.Expr:
    return pl.col("micro_event")


def _is_urged(_: Moment) -> pl.Expr:
    return pl.col("micro_event") & (pl.col("disposal") == "urged")


def _is_by_reporter(_: Moment) -> pl.Expr:
    return pl.col("verified_by_reporter")


def _failed_often(_: Moment) -> pl.Expr:
    return pl.col("failed_verifications") > 3


def _failed_often_for_department(moment: Moment) -> pl.Expr:
    """The department in charge is assessed; of a refused row that names none nobody knows."""
    named = pl.col("department").is_in(list(DEPARTMENTS.values()))
    return _failed_often(moment) & pl.when(_ACCEPTED).then(named.fill_null(False)).otherwise(named)


def _rate(kpi_id: str, measure: Measure) -> Kpi:
    return Kpi(kpi_id, "rate", {EVENTS: "cases"}, (measure,), LEVELS_WITH_GRIDS, PERCENT, "flow")


# --- disputes --------------------------------------------------------------------------------------------------


def _is_civil_and_handled(moment: Moment) -> pl.Expr:
    return (pl.col("kind") == "civil") & _has("handled_date")(moment)


def _is_late(_: Moment) -> pl.Expr:
    """Handled after the due date, or due and not handled; whether it is due already, `counted_on` says."""
    handled, due = pl.col("handled_date"), pl.col("due_date")
    late = handled > due
    return pl.when(_ACCEPTED & due.is_null()).then(False).when(_ACCEPTED & handled.is_null()).then(True).otherwise(late)


def _casualties() -> pl.Expr:
    deaths, injuries = pl.col("deaths"), pl.col("injuries")
    return pl.when(_ACCEPTED).then(deaths.fill_null(0) + injuries.fill_null(0)).otherwise(deaths + injuries)


def _channel_is_unknown(_: Moment) -> pl.Expr:
    return pl.col("channel").is_null()


def _channels_in_use(amounts: Amounts) -> Figure:
    """Channels with a dispute. At least those with one beyond doubt; at most also one for each whose channel is unknown."""
    unknown = amounts["unknown_doubtful"]
    used = Fraction(sum(amounts[name] > 0 for name in CHANNELS))
    certain = Fraction(sum(amounts[name] > amounts[f"{name}_revised"] for name in CHANNELS))
    possible = sum(amounts[name] + amounts[f"{name}_doubtful"] - unknown > 0 for name in CHANNELS)
    one = Fraction(1)
    return Figure(used, one, certain, one, min(possible + unknown, Fraction(len(CHANNELS))), one)


MEASURES: tuple[Kpi, ...] = (
    Kpi(
        "dispute_handling_rate",
        "rate",
        {DISPUTES: "cases"},
        (Measure("disputes", DISPUTES, "rate", _is("kind", "civil"), passes=_has("handled_date"), passed_on="handled_date"),),
        scale=PERCENT,
        basis="flow",
    ),
    Kpi(
        "dispute_mediation_success_rate",
        "rate",
        {DISPUTES: "cases"},
        (
            Measure(
                "disputes", DISPUTES, "rate", _is_civil_and_handled, passes=_is("result", "success"),
                counted_on="handled_date",
            ),
        ),
        scale=PERCENT,
        basis="flow",
    ),
    Kpi(
        "dispute_escalation_casualties",
        "count",
        {DISPUTES: "cases"},
        (
            Measure(
                "casualties", DISPUTES, "count", _is_late, amount=_casualties(),
                counted_on=pl.col("due_date") + timedelta(days=1),
            ),
        ),
        basis="flow",
    ),
    Kpi(
        "dispute_channel_coverage",
        "count",
        {DISPUTES: "cases"},
        (
            *(Measure(name, DISPUTES, "count", _is("channel", name)) for name in CHANNELS),
            Measure("unknown", DISPUTES, "count", _channel_is_unknown),
        ),
        basis="ytd",
        figure=_channels_in_use,
    ),
    _rate(
        "grid_event_closure_rate",
        Measure("events", EVENTS, "rate", passes=_has("verified_at"), passed_on="verified_at"),
    ),
    _rate(
        "grid_event_on_time_rate",
        Measure(
            "events", EVENTS, "rate", _has("due_at"), passes=_closed_by(_DUE_AT),
            counted_on=_closed_or_due(), passed_on="verified_at",
        ),
    ),
    _rate(
        "supervised_event_closure_rate",
        Measure(
            "events", EVENTS, "rate", _has("supervision_due_at"), passes=_closed_by(_SUPERVISED_TO), passed_on="verified_at"
        ),
    ),
    Kpi(
        "repeat_verification_failures",
        "count",
        {EVENTS: "cases"},
        (Measure("events", EVENTS, "count", _failed_often),),
        levels=LEVELS_WITH_GRIDS,
        basis="flow",
    ),
    Kpi(
        "repeat_verification_failures_by_department",
        "count",
        {EVENTS: "cases"},
        (Measure("events", EVENTS, "count", _failed_often_for_department, place="department"),),
        levels=("department",),
        basis="flow",
    ),
    _rate(
        "verification_by_reporter_rate",
        Measure("events", EVENTS, "rate", _has("verified_at"), passes=_is_by_reporter, counted_on="verified_at"),
    ),
    _rate(
        "micro_event_on_the_spot_rate",
        Measure("events", EVENTS, "rate", _is_micro, passes=_is("disposal", "on_the_spot"), passed_on="handled_at"),
    ),
    _rate(
        "micro_event_rectification_rate",
        Measure(
            "events", EVENTS, "rate", _is_urged, passes=_has("verified_at"),
            counted_on=pl.coalesce("handled_at", "reported_at"), passed_on="verified_at",
        ),
    ),
)  # fmt: skip
