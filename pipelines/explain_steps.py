"""The way from one edition's inputs to another's, in steps, each of them with one cause.

Belongs here: the causes, and which inputs each step changes. Does not belong here: computing figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from pipelines.calendar import Period, periods_of
from pipelines.county import WITHOUT_FIGURES, County
from pipelines.errors import Words
from pipelines.settings import SHANGHAI, month_start
from pipelines.store import Slot

# In the order in which they are walked. Targets have no step of their own: they decide judgements only, and are told apart
# where a judgement changed. Links that change with their rows are part of what changed these.
CAUSES = {
    "definition": Words("口径", "definition"),
    "settings": Words("配置与截止", "settings and closing"),
    "unit_change": Words("单位变更", "unit change"),
    "new_data": Words("新报数据", "new data"),
    "late_data": Words("迟报", "late data"),
    "corrections": Words("更正", "corrections"),
    "target": Words("目标", "target"),
    "re_linking": Words("重新关联", "re-linking"),
    "steward_decision": Words("数据管理员裁定", "steward decision"),
}
_UNITS = "civil_communities"
# Targets and packs have a cause of their own but come with the same step.
_OF_NO_FIGURE = {"name_zh", "name_en", *WITHOUT_FIGURES}


@dataclass(frozen=True)
class Inputs:
    """What an edition's figures are computed from, but for the code: the batch in each slot, settings, as-of day, and the
    changes of rules in force."""

    batches: Mapping[Slot, str]
    county: County
    as_of: date
    # of batches that decisions on rows made of delivered ones: these, by batch
    delivered: Mapping[str, str] = field(default_factory=dict)
    link_decisions: frozenset[int] = frozenset()
    # inside files they stand behind the batches; rules across files are evaluated anew
    rule_changes: frozenset[int] = frozenset()

    def delivered_in(self, slot: Slot) -> str | None:
        """The batch that was delivered into a slot, whatever decisions made of it."""
        batch_id = self.batches.get(slot)
        return None if batch_id is None else self.delivered.get(batch_id, batch_id)

    def evaluated(self) -> set[tuple[Period, bool]]:
        """The periods that figures are given for, and whether each is closed."""
        last = max((month_start(slot.period) for slot in self.batches), default=None)
        months = self.county.evaluated_months(last, self.as_of)
        return {(period, self.county.is_closed(period.last_month, self.as_of)) for period in periods_of(months)}


@dataclass(frozen=True)
class Step:
    """A cause, and the inputs as they are once it has acted."""

    cause: str
    inputs: Inputs


def steps_between(
    older: Inputs, newer: Inputs, first_taken: Mapping[Slot, date], *, are_units_changed: bool
) -> list[Step]:
    """The steps that change something, in the order of `CAUSES`; after the last one the inputs are the newer ones.

    Settings and closing come before data: a period that the older edition did not know yet is there before its
    rows are, so that these count as new data. The register of communities comes every month: where no unit changed
    by it, it is data like any other. `first_taken`: the day in China on which a slot first had a file.
    """
    steps: list[Step] = []
    inputs = replace(older, county=newer.county, as_of=newer.as_of)
    if _are_settings_changed(older, newer):
        steps.append(Step("settings", inputs))
    changed = _changed_slots(older, newer, first_taken, are_units_changed=are_units_changed)
    for cause, slots in changed.items():
        if cause == "steward_decision" and older.link_decisions != newer.link_decisions:
            inputs = replace(inputs, link_decisions=newer.link_decisions)
            steps.append(Step("re_linking", inputs))
        is_by_rules = cause == "steward_decision" and older.rule_changes != newer.rule_changes
        if slots or is_by_rules or (cause == "unit_change" and are_units_changed):
            rule_changes = newer.rule_changes if is_by_rules else inputs.rule_changes
            inputs = replace(inputs, batches=_with_slots(inputs.batches, newer.batches, slots), rule_changes=rule_changes)
            steps.append(Step(cause, inputs))
    return steps


def first_taken_dates(log: Iterable[dict[str, Any]]) -> dict[Slot, date]:
    """By slot, the day in China on which a file was taken for the first time, from the log of deliveries."""
    days: dict[Slot, date] = {}
    for entry in log:
        if entry["outcome"] in ("accepted", "reinstated"):
            slot = Slot(entry["supplier_id"], entry["dataset"], entry["period"])
            day = datetime.fromisoformat(entry["received_at"]).astimezone(SHANGHAI).date()
            days[slot] = min(day, days.get(slot, day))
    return days


def _are_settings_changed(older: Inputs, newer: Inputs) -> bool:
    def settings(county: County) -> dict[str, Any]:
        return {name: value for name, value in county.as_published().items() if name not in _OF_NO_FIGURE}

    # Another as-of day is no change by itself, but what it opens and closes is.
    same_day = replace(newer, as_of=older.as_of)
    return settings(older.county) != settings(newer.county) or same_day.evaluated() != newer.evaluated()


def _changed_slots(
    older: Inputs, newer: Inputs, first_taken: Mapping[Slot, date], *, are_units_changed: bool
) -> dict[str, set[Slot]]:
    """The slots whose batch is another one, by cause, in the order in which they are walked."""
    walked = ("unit_change", "new_data", "late_data", "corrections", "steward_decision")
    slots: dict[str, set[Slot]] = {cause: set() for cause in walked}
    for slot in {*older.batches, *newer.batches}:
        if older.batches.get(slot) != newer.batches.get(slot):
            is_unit_change = are_units_changed and slot.dataset == _UNITS
            cause = "unit_change" if is_unit_change else _cause_of(slot, older, newer, first_taken)
            slots[cause].add(slot)
    return slots


def _cause_of(slot: Slot, older: Inputs, newer: Inputs, first_taken: Mapping[Slot, date]) -> str:
    if slot in older.batches:
        is_same_file = older.delivered_in(slot) == newer.delivered_in(slot)
        return "steward_decision" if is_same_file else "corrections"
    cutoff = newer.county.cutoff_date(month_start(slot.period))
    return "new_data" if first_taken[slot] <= cutoff else "late_data"


def _with_slots(before: Mapping[Slot, str], after: Mapping[Slot, str], slots: set[Slot]) -> dict[Slot, str]:
    """`before`, with what `after` has in these slots; a slot that it does not have is emptied."""
    kept = {slot: batch_id for slot, batch_id in before.items() if slot not in slots}
    return kept | {slot: after[slot] for slot in slots if slot in after}
