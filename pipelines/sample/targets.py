"""Which targets concern a figure: dbt's table of targets read as data, its scopes evaluated here once more.

Does not belong here: judging a figure against a target (see `judging`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from pipelines.county import County
from pipelines.sample.judging import Line
from pipelines.settings import DBT_DIR, add_months, month_end

SEED = DBT_DIR / "seeds" / "targets.csv"
# The pack of the targets that a county sets itself.
COUNTY_PACK = "county"
ANY = "*"


@dataclass(frozen=True)
class Target:
    """What a document demands of a KPI, of which figures, and from when to when."""

    target_id: str
    pack: str
    kpi_id: str
    line: Line
    area_scope: str = ANY
    class_scope: str = ANY
    city_class_scope: str = ANY
    level_scope: str = ANY
    variant_scope: str = ANY
    effective_from: date | None = None
    effective_to: date | None = None
    # which step it is of a phased target
    phase: int | None = None
    # due so many months after the county's programme began
    due_months: int | None = None

    def concerns(self, subject: Subject) -> bool:
        return (
            (self.area_scope == ANY or subject.code.startswith(self.area_scope))
            and self.class_scope in (ANY, subject.unit_class)
            and self.city_class_scope in (ANY, subject.city_class)
            and self.level_scope in (ANY, subject.level)
            and self.variant_scope in (ANY, subject.variant)
        )

    @property
    def demand(self) -> tuple[str, ...]:
        """What all steps of one phased target have in common."""
        return self.pack, self.area_scope, self.class_scope, self.city_class_scope, self.level_scope, self.variant_scope

    @property
    def is_undated(self) -> bool:
        return self.due_months is not None and self.effective_from is None

    def counted_from(self, start: date | None) -> Target:
        """The target with the last day of its time, counted from the start of its programme where that is known."""
        if self.due_months is None or start is None:
            return self
        month = add_months(start, self.due_months)
        return replace(self, effective_from=month.replace(day=min(start.day, month_end(month).day)) - timedelta(days=1))

    def is_in_force(self, day: date) -> bool:
        return not self.is_to_come(day) and (self.effective_to is None or day <= self.effective_to)

    def is_to_come(self, day: date) -> bool:
        return self.effective_from is not None and day < self.effective_from


@dataclass(frozen=True)
class Subject:
    """What a figure is about, as far as targets ask."""

    code: str
    level: str
    unit_class: str | None = None
    city_class: str | None = None
    variant: str = ANY


@dataclass(frozen=True)
class Choice:
    """The targets in force for a figure; `is_before_first`: none is, and the first step of a phased one is to come."""

    targets: tuple[Target, ...]
    is_before_first: bool = False


def load_targets(path: Path = SEED) -> tuple[Target, ...]:
    """All targets that state a number."""
    with path.open(encoding="utf-8", newline="") as seed:
        return tuple(_target(row) for row in csv.DictReader(seed) if row["value_1"])


def targets_of(county: County, stated: Iterable[Target]) -> tuple[Target, ...]:
    """The targets of the packs that the county chose, dated as far as the county can, and those that it sets itself."""
    starts = county.parameters.programme_starts
    chosen = (target.counted_from(starts.get(target.pack)) for target in stated if target.pack in county.packs)
    own = tuple(
        Target(
            target_id=f"{COUNTY_PACK}-{number}",
            pack=COUNTY_PACK,
            kpi_id=target.kpi_id,
            line=_line(target.operator, Fraction(target.value_1), _fraction(target.value_2)),
            area_scope=target.area_scope,
            class_scope=target.class_scope,
            level_scope=target.level_scope,
            effective_from=target.effective_from,
            effective_to=target.effective_to,
        )
        for number, target in enumerate(county.parameters.targets, start=1)
    )
    return (*(target for target in chosen if not target.is_undated), *own)


def choose(targets: Iterable[Target], subject: Subject, day: date) -> Choice:
    """Of one KPI's targets those that concern the figure on the last day of its period.

    Of the steps of a phased target that is the last one whose day has come, unless its own time is over.
    """
    concerned = [target for target in targets if target.concerns(subject)]
    first_steps: dict[tuple[str, ...], Target] = {}
    last_steps: dict[tuple[str, ...], Target] = {}
    for step in sorted((one for one in concerned if one.phase is not None), key=lambda one: one.phase or 0):
        first_steps.setdefault(step.demand, step)
        if not step.is_to_come(day):
            last_steps[step.demand] = step
    in_force = tuple(
        target
        for target in concerned
        if target.is_in_force(day) and (target.phase is None or target is last_steps[target.demand])
    )
    is_before_first = not in_force and any(step.is_to_come(day) for step in first_steps.values())
    return Choice(in_force, is_before_first)


def _target(row: Mapping[str, str | None]) -> Target:
    """A row of the table; a scope that is empty, or a column that is not there, is no restriction."""

    def day(name: str) -> date | None:
        text = row.get(name)
        return date.fromisoformat(text) if text else None

    def number(name: str) -> int | None:
        text = row.get(name)
        return int(text) if text else None

    return Target(
        target_id=row["target_id"] or "",
        pack=row["pack"] or "",
        kpi_id=row["kpi_id"] or "",
        line=_line(
            row["operator"] or "",
            Fraction(row["value_1"] or ""),
            _fraction(row.get("value_2")),
            row.get("binding") or "both",
        ),
        area_scope=row.get("area_scope") or ANY,
        class_scope=row.get("class_scope") or ANY,
        city_class_scope=row.get("city_class_scope") or ANY,
        level_scope=row.get("level_scope") or ANY,
        variant_scope=row.get("variant_scope") or ANY,
        effective_from=day("effective_from"),
        effective_to=day("effective_to"),
        phase=number("phase"),
        due_months=number("due_months"),
    )


def _line(operator: str, first: Fraction, second: Fraction | None, binding: str = "both") -> Line:
    """Floor and ceiling; of a range both bind unless `binding` names one of them."""
    match operator:
        case ">=":
            return Line(first, None)
        case "<=":
            return Line(None, first)
        case "=":
            return Line(first, first)
        case "range" if second is not None and binding in ("both", "lower", "upper"):
            return Line(None if binding == "upper" else first, None if binding == "lower" else second)
    raise ValueError(f"no target is {operator!r} {first} {second}, binding {binding!r}")


def _fraction(number: Decimal | str | None) -> Fraction | None:
    return None if number is None or number == "" else Fraction(number)
