"""What the pages ask an edition, and the records they get, in the order they are shown.

Belongs here: queries for single figures, flags, deliveries. Counts over many units stand in `standing.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cached_property

from dashboards.address import Address, NoSuchPage
from dashboards.edition import Edition
from dashboards.records import (
    Column,
    Delivery,
    Figure,
    Finding,
    Flag,
    Judgement,
    Kpi,
    Period,
    Target,
    Trend,
    Unit,
)
from dashboards.rows import delivery, figure, halves, judgement, trend, words
from dashboards.scope import ALL, BELOW, EVERYTHING, GAP, STATE_OF_FLAG, URGENCY, Scope
from dashboards.words import DOMAINS
from pipelines.errors import Words
from pipelines.follow_up import Key, Task
from pipelines.objections import Objection, Subject

AS_WAS = "as_was"
SCOPES = ("area_scope", "class_scope", "city_class_scope", "level_scope", "variant_scope")
FIGURE = (
    "kpi_id, target_id, numerator, denominator, value, low_numerator,"
    " low_denominator, high_numerator, high_denominator, value_low, value_high, status, certainty, shortfall,"
    " chance_low, chance_high, failures_allowed, is_withheld, is_basis_expired, reporting_suppliers, expected_suppliers"
)
OF_UNIT = "unit_key, unit_code, unit_level, period, comparability"
NO_TASKS: Mapping[Key, Task] = {}
NO_OBJECTIONS: Mapping[Subject, Objection] = {}


class Facts:
    """The questions, asked of one edition.

    `tasks`: the open tasks of follow-up, `objections`: those to figures that have not ended, by what they are about.
    """

    def __init__(
        self, edition: Edition, tasks: Mapping[Key, Task] = NO_TASKS, objections: Mapping[Subject, Objection] = NO_OBJECTIONS
    ) -> None:
        self.edition, self.tasks, self.objections = edition, tasks, objections

    def task_about(self, one: Judgement) -> Task | None:
        """The open task about a unit's target."""
        return self.tasks.get(Key(one.unit_key, one.kpi.kpi_id, one.target.target_id)) if one.target else None

    def objection_to(self, one: Judgement, period_type: str) -> Objection | None:
        """The newest objection to a figure that has not ended."""
        return self.objections.get(subject_of(one, period_type))

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """By id, domain by domain, in a domain as the catalogue places them."""
        frame = self.edition.frame(
            "select kpi_id, name_zh, name_en, domain, kind, unit, scale, decimals, owner_agency, levels, datasets,"
            " formula_zh, formula_en, basis, direction, tolerance, source_document, clause, note from dim_kpi"
            " order by position"
        )
        kpis = [
            Kpi(
                row["kpi_id"], words(row, "name"), row["domain"], row["kind"], row["unit"], row["scale"],
                row["decimals"], row["owner_agency"], tuple(row["levels"] or ()), tuple(row["datasets"] or ()),
                words(row, "formula"), row["basis"], row["direction"], row["tolerance"], row["source_document"] or "",
                row["clause"] or "", halves(row["note"]),
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip
        order = list(DOMAINS)
        place = {kpi.domain: order.index(kpi.domain) if kpi.domain in DOMAINS else len(order) for kpi in kpis}
        return {kpi.kpi_id: kpi for kpi in sorted(kpis, key=lambda kpi: (place[kpi.domain], kpi.domain))}

    @cached_property
    def domains(self) -> list[str]:
        """Those that have KPIs, in the order in which they are shown."""
        return list(dict.fromkeys(kpi.domain for kpi in self.kpis.values()))

    @cached_property
    def packs(self) -> list[str]:
        """The packs whose targets judge anything in this edition."""
        frame = self.edition.frame(
            "select distinct pack from dim_target where target_id in (select target_id from fct_kpi) order by pack"
        )
        return [str(pack) for pack in frame["pack"]]

    def scope(self, address: Address) -> Scope:
        """What the address asks for; NoSuchPage where this edition has no such domain, pack or street."""
        if address.domain not in (ALL, *self.domains):
            raise _not_in_edition(Words("领域", "domain"), address.domain)
        if address.pack not in (ALL, *self.packs):
            raise _not_in_edition(Words("文件", "document"), address.pack)
        scope = Scope(address.domain, address.pack)
        if address.street == ALL or address.page != "overview":
            return scope
        at = self.period(address).end
        street = self.unit(address.street, at)
        if street.level != "street":
            raise _not_in_edition(Words("街道（镇）", "street or town"), street.code)
        return replace(scope, street=street, at=at)

    @cached_property
    def targets(self) -> dict[str, Target]:
        frame = self.edition.frame(
            f"select target_id, pack, operator, value_1, value_2, binding, {', '.join(SCOPES)}, plan_end, document,"
            " clause, strength, text_zh, text_en from dim_target"
        )
        return {
            row["target_id"]: Target(
                row["target_id"], row["pack"], row["operator"], row["value_1"], row["value_2"], row["binding"],
                tuple(row[scope] or "*" for scope in SCOPES), row["plan_end"], row["document"] or "",
                row["clause"] or "", row["strength"] or "", words(row, "text"),
            )
            for row in frame.iter_rows(named=True)
        }  # fmt: skip

    def kpi(self, kpi_id: str) -> Kpi:
        """NoSuchPage where the edition has no such KPI."""
        if kpi_id not in self.kpis:
            raise _not_in_edition(Words("指标", "indicator"), kpi_id)
        return self.kpis[kpi_id]

    def targets_of(self, kpi: Kpi) -> list[Target]:
        """Every target of a KPI in this edition, whomever it applies to, by pack."""
        frame = self.edition.frame(
            "select target_id from dim_target where kpi_id = ? order by pack, target_id", (kpi.kpi_id,)
        )
        return [self.targets[target_id] for target_id in frame["target_id"]]

    def periods(self, period_type: str) -> list[Period]:
        """Those with rows, oldest first."""
        frame = self.edition.frame(
            "select period_type, period, start_date, end_date, cutoff_date, is_closed, label_zh, label_en"
            " from dim_period where period_type = ?"
            " and period in (select period from fct_kpi where period_type = ?) order by period",
            (period_type, period_type),
        )
        return [
            Period(
                row["period_type"], row["period"], row["start_date"], row["end_date"], row["cutoff_date"],
                row["is_closed"], words(row, "label"),
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip

    def period(self, address: Address) -> Period:
        """The period asked for; by default the latest closed one with anything judged, else the latest."""
        periods = self.periods(address.period_type)
        if address.period is not None:
            for period in periods:
                if period.first == address.period:
                    return period
            raise _not_in_edition(Words("期间", "period"), address.period.isoformat()[:7])
        judged = self.edition.frame(
            "select distinct period from fct_kpi where period_type = ? and status in ('met', 'near', 'missed')",
            (address.period_type,),
        )["period"].to_list()
        closed = [period for period in periods if period.is_closed and period.first in judged]
        if not periods:
            raise _not_in_edition(Words("期间类型", "period type"), address.period_type)
        return (closed or periods)[-1]

    def before(self, period: Period) -> Period | None:
        """The period of the same type just before, where the edition has it."""
        earlier = [other for other in self.periods(period.period_type) if other.first < period.first]
        return earlier[-1] if earlier else None

    def units(self, at: date) -> dict[str, Unit]:
        """Units in force on a day by key, in the order of their codes."""
        return self.edition.derived(("units", at), lambda: self._units(at))

    def _units(self, at: date) -> dict[str, Unit]:
        frame = self.edition.frame(
            "select unit_key, unit_code, unit_name, unit_level, parent_unit_key, class, opened_date from dim_unit"
            " where valid_from <= ? and (valid_to is null or valid_to > ?) order by unit_code",
            (at, at),
        )
        return {
            row["unit_key"]: Unit(
                row["unit_key"], row["unit_code"], row["unit_name"], row["unit_level"], row["parent_unit_key"],
                row["class"], row["opened_date"],
            )
            for row in frame.iter_rows(named=True)
        }  # fmt: skip

    def unit(self, unit_key: str, at: date) -> Unit:
        """The unit in force on a day; NoSuchPage otherwise."""
        return self.unit_of(self.units(at), unit_key)

    @staticmethod
    def unit_of(units: dict[str, Unit], unit_key: str) -> Unit:
        """One of these units; NoSuchPage where it is not among them."""
        if unit_key not in units:
            raise _not_in_edition(Words("单位", "unit"), "")
        return units[unit_key]

    def judgements(self, period: Period, level: str, scope: Scope = EVERYTHING) -> list[Judgement]:
        """All units of a level, by code and KPI."""
        return self._judgements(
            "period_type = ? and period = ? and unit_level = ?", (period.period_type, period.first, level), scope
        )

    def above(self, period: Period, scope: Scope) -> list[Judgement]:
        """The street looked at, else the county and what is above it, the county first."""
        if scope.street is not None:
            return self._judgements(
                "period_type = ? and period = ? and unit_key = ?",
                (period.period_type, period.first, scope.street.key),
                scope,
            )
        found = self._judgements(
            "period_type = ? and period = ? and unit_level in ('county', 'city', 'province')",
            (period.period_type, period.first),
            scope,
        )
        return sorted(found, key=lambda one: -len(one.unit_code))

    def judgements_by(
        self, kpi: Kpi, period: Period, level: str, scope: Scope = EVERYTHING, unit_basis: str = AS_WAS
    ) -> list[Judgement]:
        """All units of a level in one KPI; as they are now where that is asked for and they were another extent."""
        condition = "period_type = ? and period = ? and unit_level = ? and kpi_id = ?"
        parameters = (period.period_type, period.first, level, kpi.kpi_id)
        if unit_basis == AS_WAS:
            return self._judgements(condition, parameters, scope)
        as_now = self._judgements(condition, parameters, scope, unit_basis)
        moved = {one.unit_key for one in as_now}
        others = self._judgements(condition, parameters, scope)
        return [*as_now, *(one for one in others if one.unit_key not in moved)]

    def judgements_of(
        self, unit_key: str, period_type: str, scope: Scope = EVERYTHING, unit_basis: str = AS_WAS
    ) -> list[Judgement]:
        """One unit in all periods of a type, oldest first; as it is now where that is asked for and was another extent."""
        condition, parameters = "period_type = ? and unit_key = ?", (period_type, unit_key)
        if unit_basis == AS_WAS:
            return self._judgements(condition, parameters, scope)
        moved = f"period in (select period from fct_kpi where unit_basis = 'as_now' and {condition})"
        as_now = self._judgements(condition, parameters, scope, unit_basis)
        others = self._judgements(f"{condition} and not {moved}", (*parameters, *parameters), scope)
        return sorted([*as_now, *others], key=lambda one: one.period)

    @cached_property
    def moved_units(self) -> frozenset[str]:
        """The keys of units that were not in every period what they are now."""
        frame = self.edition.frame("select distinct unit_key from fct_kpi where unit_basis = 'as_now'")
        return frozenset(frame["unit_key"])

    def figures(
        self, period: Period, level: str, scope: Scope, kpi_ids: Collection[str], above: Unit | None = None
    ) -> list[tuple[Figure, list[str]]]:
        """Every different figure of some KPIs, with the units (below another, if given) that it is the figure of.

        A heatmap has thousands of cells and a few hundred different ones: what is said of them is composed once.
        """
        inside, more = scope.condition()
        below = (BELOW, (above.key, period.end, period.end)) if above else ("", ())
        frame = self.edition.frame(
            f"select {FIGURE}, list(unit_key order by unit_key) as unit_keys from fct_kpi where unit_basis = 'as_was'"
            f" and period_type = ? and period = ? and unit_level = ? and list_contains(?, kpi_id){inside}{below[0]}"
            " group by all order by all",
            (period.period_type, period.first, level, tuple(sorted(kpi_ids)), *more, *below[1]),
        )
        kpis, targets = self.kpis, self.targets
        return [(Figure(**figure(row, kpis, targets)), row["unit_keys"]) for row in frame.iter_rows(named=True)]

    def _judgements(
        self, condition: str, parameters: tuple[object, ...], scope: Scope, unit_basis: str = AS_WAS
    ) -> list[Judgement]:
        inside, more = scope.condition()
        frame = self.edition.frame(
            f"select {OF_UNIT}, {FIGURE} from fct_kpi where unit_basis = ? and {condition}{inside}"
            " order by period, unit_code, kpi_id, target_id",
            (unit_basis, *parameters, *more),
        )
        kpis, targets = self.kpis, self.targets
        return [judgement(row, kpis, targets) for row in frame.iter_rows(named=True)]

    def flags(
        self, period: Period, level: str, scope: Scope = EVERYTHING, *, state: str = "", most: int | None = None
    ) -> list[Flag]:
        """The missed and near targets of a level: confirmed first, then what gets worse, then what lasts longest.

        In one display state where that is given, and the first `most` of them.
        """
        limit = "" if most is None else f" limit {int(most)}"
        return self._flags(f"unit_level = ?{STATE_OF_FLAG.get(state, '')}", (level,), period, scope, limit)

    def flags_of(self, unit_key: str, period: Period, scope: Scope = EVERYTHING) -> list[Flag]:
        return self._flags("unit_key = ?", (unit_key,), period, scope)

    def _flags(
        self, condition: str, parameters: tuple[object, ...], period: Period, scope: Scope, limit: str = ""
    ) -> list[Flag]:
        inside, more = scope.condition()
        frame = self.edition.frame(
            f"with figures as (select period_type, {OF_UNIT}, {FIGURE} from fct_kpi where unit_basis = 'as_was'"
            f" and period_type = ? and period = ? and status in ('missed', 'near'){inside}),"
            " past as (select unit_key, period_type, period, kpi_id, target_id, since_period, judged_in_a_row, movement,"
            " owner_agency from fct_flag),"
            " asked as (select target_id, operator, value_1, value_2, binding from dim_target),"
            f" flags as (select figures.*, {GAP} as gap, since_period, judged_in_a_row, movement, owner_agency from figures"
            " inner join past using (unit_key, period_type, period, kpi_id, target_id)"
            f" inner join asked using (target_id) where {condition} order by {URGENCY}{limit})"
            " select flags.*, trend, reliability, judged_periods, met_periods, first_period,"
            " fct_trend.period as last_period from flags"
            f" left join fct_trend using (unit_key, period_type, kpi_id, target_id) order by {URGENCY}",
            (period.period_type, period.first, *more, *parameters),
        )
        kpis, targets = self.kpis, self.targets
        return [
            Flag(
                judgement(row, kpis, targets), row["since_period"], row["judged_in_a_row"], row["movement"],
                row["owner_agency"], trend(row),
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip

    def trends(self, unit_key: str, period_type: str) -> dict[str, Trend]:
        """How one unit's figures have gone, by target."""
        frame = self.edition.frame(
            "select target_id, trend, reliability, judged_periods, met_periods, first_period, period as last_period"
            " from fct_trend where unit_key = ? and period_type = ?",
            (unit_key, period_type),
        )
        trends = {row["target_id"]: trend(row) for row in frame.iter_rows(named=True)}
        return {target_id: trend for target_id, trend in trends.items() if trend is not None}

    def columns(self, figures: Iterable[Figure]) -> list[Column]:
        """A column for each KPI and what is asked of it here; packs that ask the same share one."""
        asked: dict[str, dict[str, set[Target]]] = {}
        for one in figures:
            packs = asked.setdefault(one.kpi.kpi_id, {})
            if one.target:
                packs.setdefault(one.target.pack, set()).add(one.target)
        return [
            Column(kpi, packs, tuple(sorted(targets, key=lambda target: target.target_id)))
            for kpi_id, kpi in self.kpis.items()
            if kpi_id in asked
            for packs, targets in _alike(asked[kpi_id])
        ]

    def deliveries(self, period: Period) -> list[Delivery]:
        """The slots of the months that a period covers, by supplier and dataset."""
        frame = self.edition.frame(
            "select supplier_id, supplier_name, covered_codes, dataset, period, due_date, received_at, delivery_status,"
            " is_correction_refused, is_gap, communities_expected, communities_delivered, versions, rows_read,"
            " rows_accepted, rows_quarantined, rows_duplicate, rows_skipped, refusal_zh, refusal_en from fct_delivery"
            " where period between ? and ?"
            " order by supplier_id, dataset, period",
            (period.start, period.end),
        )
        return [delivery(row) for row in frame.iter_rows(named=True)]

    def findings(self, period: Period, suppliers: tuple[str, ...] | None = None) -> list[Finding]:
        """Failed rules of a period's months over all suppliers or the given ones; errors first, most rows first."""
        chosen = "" if suppliers is None else " and list_contains(?, supplier_id)"
        frame = self.edition.frame(
            "select dataset, rule_id, severity, description_zh, description_en, sum(rows_checked)::bigint as checked,"
            " sum(rows_failed)::bigint as failed from fct_quality"
            f" where period between ? and ?{chosen} group by all having sum(rows_failed) > 0"
            " order by failed desc, dataset, rule_id",
            (period.start, period.end) if suppliers is None else (period.start, period.end, suppliers),
        )
        findings = [
            Finding(
                row["dataset"], row["rule_id"], row["severity"], words(row, "description"), row["checked"],
                row["failed"],
            )
            for row in frame.iter_rows(named=True)
        ]  # fmt: skip
        return sorted(findings, key=lambda one: one.severity != "error")




def _alike(asked: dict[str, set[Target]]) -> list[tuple[tuple[str, ...], set[Target]]]:
    """Packs in groups that ask the same of a KPI, with their targets; one empty group where no pack asks anything."""
    groups: dict[frozenset[tuple[object, ...]], list[str]] = {}
    for pack in sorted(asked):
        groups.setdefault(frozenset(target.line for target in asked[pack]), []).append(pack)
    return [(tuple(packs), set[Target]().union(*(asked[pack] for pack in packs))) for packs in groups.values()] or [
        ((), set())
    ]


def _not_in_edition(what: Words, asked: str) -> NoSuchPage:
    return NoSuchPage(
        Words(f"本版次没有这个{what.zh}", f"This edition has no such {what.en}"),
        where=f"{what.zh} / {what.en}",
        expected=Words(f"本版次中的{what.zh}", f"a {what.en} of this edition"),
        found=Words(asked or "未知", asked or "unknown"),
        advice=Words("返回总览重新选择", "go back to the overview and choose again"),
    )


def subject_of(one: Judgement, period_type: str) -> Subject:
    """A judgement as what an objection is about."""
    return Subject(one.unit_key, one.kpi.kpi_id, one.target.target_id if one.target else "", period_type, one.period)
