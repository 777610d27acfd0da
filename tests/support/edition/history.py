"""Flags and trends: how judged figures went from period to period."""

from __future__ import annotations

from itertools import pairwise

from tests.support.edition.kpis import KPIS
from tests.support.edition.shapes import Row


def trend_rows(facts: list[Row]) -> list[Row]:
    """Months and quarters with at least five judged periods; trend by the two ends, which is enough for a fixture."""
    series: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(as_was(facts), key=lambda row: str(row["period"])):
        if row["status"] in ("met", "near", "missed") and row["period_type"] in ("month", "quarter"):
            series.setdefault((row["unit_key"], row["period_type"], row["kpi_id"], row["target_id"]), []).append(row)
    trends = []
    for rows in series.values():
        if len(rows) < 5:
            continue
        met = sum(row["status"] == "met" for row in rows)
        steps = [_value(b) - _value(a) for a, b in pairwise(rows)]
        trend = "worsening" if all(step < 0 for step in steps) else "improving" if all(step > 0 for step in steps) else "none"
        names = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id")
        trends.append({name: rows[-1][name] for name in names} | {
            "first_period": rows[0]["period"], "judged_periods": len(rows), "met_periods": met, "z": None,
            "trend": trend, "reliability": "reliably_met" if met == len(rows) else "hit_and_miss" if met else "reliably_missed",
        })  # fmt: skip
    return trends


def _value(row: Row) -> float:
    """Nothing is told of how a withheld value moves."""
    return 0.0 if row["is_withheld"] else float(str(row["value"]))


def as_was(facts: list[Row]) -> list[Row]:
    return [row for row in facts if row["unit_basis"] == "as_was"]


def flag_rows(facts: list[Row]) -> list[Row]:
    flags: list[Row] = []
    runs: dict[tuple[object, ...], list[Row]] = {}
    owners = {kpi.kpi_id: kpi for kpi in KPIS}
    goals = {goal.target_id: goal for kpi in KPIS for goal in kpi.goals}
    for row in sorted(as_was(facts), key=lambda row: str(row["period"])):
        if row["status"] not in ("met", "near", "missed"):
            continue
        run = runs.setdefault((row["unit_key"], row["period_type"], row["kpi_id"], row["target_id"]), [])
        before = run[-1] if run else None
        if row["status"] == "met":
            movement = "recovered"
        elif before is None:
            movement = "new"
        else:
            better = owners[str(row["kpi_id"])].direction == "higher"
            movement = _movement(_value(row), _value(before), better=better)
        if row["status"] == "met" and before is None:
            continue
        since = (run or [row])[0]["period"]
        names = ("unit_key", "unit_code", "unit_level", "period_type", "period", "kpi_id", "target_id", "status",
                 "certainty", "shortfall")  # fmt: skip
        kpi, goal = owners[str(row["kpi_id"])], goals[str(row["target_id"])]
        flags.append({name: row[name] for name in names} | {
            "since_period": since, "judged_in_a_row": len(run) + 1, "movement": movement,
            "owner_agency": kpi.owner, "document": goal.pack, "clause": goal.clause,
        })  # fmt: skip
        if row["status"] == "met":
            run.clear()
        else:
            run.append(row)
    return flags


def _movement(value: float, before: float, *, better: bool) -> str:
    """`better`: more is better."""
    if value == before:
        return "continuing"
    return "improving" if (value > before) is better else "worsening"
