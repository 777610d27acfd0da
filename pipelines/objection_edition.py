"""What an edition says of contested figures: the figure that an objection is opened from, and what is said of it now.

Belongs here: queries over an edition. The objections themselves stand in `objections.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pipelines.errors import Words
from pipelines.follow_up_edition import Ask
from pipelines.objections import Contested, ObjectionError, Said, Subject

_SAID = "edition_id, value, numerator, denominator, status, certainty"
_SUBJECT = "unit_key, kpi_id, coalesce(target_id, '') as target_id, period_type, period"


def said_now(ask: Ask, subjects: Iterable[Subject]) -> dict[Subject, Said]:
    """By what is contested, what the edition says of it; nothing of figures that it has no more."""
    wanted = set(subjects)
    if not wanted:
        return {}
    frame = ask(
        f"select {_SUBJECT}, {_SAID} from fct_kpi cross join edition"
        " where unit_basis = 'as_was' and list_contains(?, unit_key) and list_contains(?, kpi_id)",
        (tuple(sorted({one.unit_key for one in wanted})), tuple(sorted({one.kpi_id for one in wanted}))),
    )
    found = {_subject(row): _said(row) for row in frame.iter_rows(named=True)}
    return {subject: said for subject, said in found.items() if subject in wanted}


def codes_now(ask: Ask, unit_keys: Iterable[str]) -> dict[str, str]:
    """By unit the code that it has now, or had last: an area is a code, and codes go from one unit to another."""
    frame = ask(
        "select unit_key, unit_code from dim_unit where list_contains(?, unit_key)"
        " qualify row_number() over (partition by unit_key order by valid_from desc) = 1",
        (tuple(sorted(set(unit_keys))),),
    )
    return dict(frame.iter_rows())


def contested_of(ask: Ask, subject: Subject) -> Contested:
    """A figure, to be contested. ObjectionError where the edition has none of it."""
    frame = ask(
        f"select unit_name, figures.unit_code, owner_agency, {_SAID} from fct_kpi as figures"
        " inner join dim_kpi using (kpi_id) inner join dim_period using (period_type, period)"
        " inner join dim_unit as units using (unit_key) cross join edition"
        " where unit_basis = 'as_was' and unit_key = ? and kpi_id = ? and coalesce(target_id, '') = ?"
        " and period_type = ? and period = ?"
        " and units.valid_from <= end_date and (units.valid_to is null or units.valid_to > end_date)",
        tuple(vars(subject).values()),
    )
    if frame.is_empty():
        raise ObjectionError(
            Words("没有这项数据", "There is no such figure"),
            where="unit, kpi, target, period",
            expected=Words("当前版本中一个单位一期的一项数据", "a figure of a unit in a period that the current edition has"),
            found=Words("没有", "none"),
            advice=Words("从单位页面或指标页面进入", "come from the page of the unit or of the KPI"),
        )
    row = frame.row(0, named=True)
    return Contested(subject, row["unit_code"], row["unit_name"], row["owner_agency"], _said(row))


def subjects_of(ask: Ask, unit: str, kpi_id: str, period_type: str, period: date | None) -> list[Subject]:
    """The figures of a unit (by key or code) and KPI, one per target, in a period or the latest one that has any."""
    frame = ask(
        f"select distinct {_SUBJECT} from fct_kpi where unit_basis = 'as_was' and (unit_key = ? or unit_code = ?)"
        " and kpi_id = ? and period_type = ? and period = coalesce(?::date, period)"
        " qualify rank() over (order by period desc) = 1 order by all",
        (unit, unit, kpi_id, period_type, period),
    )
    return [_subject(row) for row in frame.iter_rows(named=True)]


def _subject(row: Mapping[str, Any]) -> Subject:
    return Subject(**{name: row[name] for name in Subject.__dataclass_fields__})


def _said(row: Mapping[str, Any]) -> Said:
    return Said(**{name: row[name] for name in Said.__dataclass_fields__})
