"""The control tables: what dbt must know of the ledger, the rules, the units and the calendar, as small Parquet.

Written at the start of a run. A digest per month and period says what each figure was computed from, so that
only periods whose inputs changed are computed again, and nothing at all where none did.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from expectations.contract import load_contracts
from pipelines import control_tables as tables
from pipelines.calendar import Period, periods_of
from pipelines.code_version import code_version
from pipelines.county import WITHOUT_FIGURES, County
from pipelines.cross_file import CrossFile, Evaluation
from pipelines.current_batches import PASSES, CurrentBatch, judged_rows
from pipelines.event_months import EventMonth
from pipelines.kept_rows import KeptRows
from pipelines.lake import write_parquets
from pipelines.linking import LinkedMonth, link_months, linked_rows, pairs_for_review
from pipelines.settings import Home, month_start
from pipelines.stewardship.decided_links import decided_links
from pipelines.stewardship.decision_store import Decisions
from pipelines.stewardship.decisions import ON_BATCHES, ON_LINKS
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.store import Store
from pipelines.units import (
    Today,
    build_lineage,
    build_register,
    load_releases,
    merge_civil_register,
    with_departments,
    with_grids,
    with_units_above,
)

# What units are known from: communities, departments, grids.
_REGISTERS_OF_UNITS = ("civil_communities", "civil_assessments", "grid_grids")


@dataclass(frozen=True)
class Control:
    """What a run is about to compute: the digest of each period, which of them changed, and of everything.

    `decisions` on rows, `link_decisions` on uncertain links and `rule_changes`: the numbers of those in force.
    """

    as_of: date
    inputs_hash: str
    periods: list[Period]
    digests: dict[str, str]
    dirty: list[Period]
    evaluations: list[Evaluation]
    batches: list[CurrentBatch]
    decisions: list[int] = field(default_factory=list)
    link_decisions: list[int] = field(default_factory=list)
    rule_changes: list[int] = field(default_factory=list)


def export_control(
    home: Home, county: County, store: Store, as_of: date, built: dict[str, str],
    on_progress: Callable[[str], None] = lambda _: None,
) -> Control:  # fmt: skip
    """Evaluates the rules across files and writes `control/`. `built` are the digests of the last build."""
    batches = [CurrentBatch.of(row) for row in store.current_batches()]
    places, lineage, units = known_units(home, county, batches)
    rules = RuleChanges(store).in_force()
    with CrossFile(home, county, batches, units, rules) as cross_file:
        evaluations = cross_file.evaluate(on_progress)
        months = county.evaluated_months(_last_delivered(batches), as_of)
        with ThreadPoolExecutor(1, thread_name_prefix="events") as beside:
            found = beside.submit(_events, months, evaluations, cross_file)
            linked = link_months(home, batches, evaluations, months, on_progress, decided_links(home, store, batches))
            today = tables.today(places, lineage, months, batches)
            registers = _register_digests(county, months, evaluations, linked, cross_file, today)
            events = found.result()
    periods = periods_of(months)
    event_digests = _event_digests(events, batches)
    cutoffs = sorted({county.cutoff_date(month) for month in (*months, *(period.last_month for period in periods))})
    sums = sum_digests(events, registers, cutoffs)
    digests = {_registers(month): digest for month, digest in registers.items()}
    digests |= {_sums(month): digest for month, digest in sums.items()}
    digests |= {_name(period): _period_digest(period, registers, event_digests, county, as_of) for period in periods}
    dirty = [period for period in periods if built.get(_name(period)) != digests[_name(period)]]
    # An event that is corrected months later changes the figures of its month, but not the people counted then.
    dirty_months = {month for month in months if built.get(_registers(month)) != registers[month]}
    with_other_events = {month for month in months if built.get(_sums(month)) != sums[month]}
    for_review = pairs_for_review(linked)
    frames = {
        "current_batches": tables.current_batches(batches),
        "batch_accounts": tables.batch_accounts(batches, evaluations, for_review),
        "verdicts": tables.verdicts(home, batches, evaluations, dirty_months),
        "links": linked_rows(linked, dirty_months),
        "links_for_review": for_review,
        "kept_results": tables.kept_results(home, evaluations, linked),
        "units": units,
        "lineage": lineage,
        **tables.today_tables(today),
        "periods": tables.periods(periods, dirty, county, as_of),
        "months": tables.months(months, dirty_months, with_other_events, county),
        "event_deliveries": tables.event_deliveries([events[month] for month in sorted(with_other_events)]),
        "suppliers": tables.suppliers(county),
        "expected": tables.expected(county, months, batches, as_of),
        "deliveries": tables.deliveries(store, batches),
        "rule_results": tables.rule_results(store, county, batches, evaluations, rules),
        "county": tables.county(county, as_of),
        "tolerances": tables.tolerances(county),
        "county_targets": tables.county_targets(county),
        "programme_starts": tables.programme_starts(county),
    }
    hashes = write_parquets({home.control / f"{name}.parquet": frame for name, frame in frames.items()})
    written = {path.stem: digest for path, digest in hashes.items()}
    inputs_hash = _inputs_hash(digests, written)
    in_force = Decisions(store).in_force()
    decided, links = ([one.decision_id for one in in_force if one.draft.kind in kinds] for kinds in (ON_BATCHES, ON_LINKS))
    return Control(as_of, inputs_hash, periods, digests, dirty, evaluations, batches, decided, links, rules.numbers)


def known_units(
    home: Home, county: County, batches: list[CurrentBatch]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What the registers and these batches tell of units: communities and what is above them; what became of which; all
    units, with departments and grids."""
    kept = KeptRows(home)
    civil, assessments, grids = (
        kept.of(dataset, [batch for batch in batches if batch.slot.dataset == dataset], partial(judged_rows, home, dataset))
        for dataset in _REGISTERS_OF_UNITS
    )
    civil, assessments, passing = (rows.filter(PASSES).drop(PASSES) for rows in (civil, assessments, grids))
    places = _places(home, county, civil)
    units = with_departments(places, assessments)
    return places, build_lineage(places, civil), with_grids(units, grids.drop(PASSES), passing, county)


def _places(home: Home, county: County, civil: pl.DataFrame) -> pl.DataFrame:
    """The dated units of the county: the national register's releases, and what civil affairs delivered since (`civil`).

    Its city and province belong to them where some supplier delivers for more than the county.
    """
    register = _register(county.county_code, home.reference)
    units = merge_civil_register(register, civil)
    prefixes = [prefix for supplier in county.suppliers for prefix in supplier.covers]
    return with_units_above(units, register, prefixes)


@lru_cache(maxsize=4)
def _register(county_code: str, reference: Path) -> pl.DataFrame:
    """The county's register from the releases, which do not change while a process runs."""
    return build_register(load_releases(county_code, reference))


# --- digests ------------------------------------------------------------------------------------------------


def _register_digests(
    county: County, months: list[date], evaluations: list[Evaluation], linked: list[LinkedMonth],
    cross_file: CrossFile, today: Today,
) -> dict[date, str]:
    """For each month, a digest of everything that is counted from its registers: code, settings, units, rows, links."""
    without = {"last_period", *WITHOUT_FIGURES}
    settings = {name: value for name, value in county.as_published().items() if name not in without}
    common = [code_version(), settings]
    contracts = load_contracts()
    seen: dict[date, list[str]] = {month: [] for month in months}
    for evaluation in evaluations:
        if contracts[evaluation.dataset].kind == "register" and month_start(evaluation.month) in seen:
            seen[month_start(evaluation.month)].append(f"{evaluation.dataset} {evaluation.inputs_hash}")
    for one in linked:
        seen[one.month].append(f"links {one.inputs_hash}")
    return {
        month: _hash([*common, cross_file.units_hash(f"{month:%Y-%m}"), today.of_month(month), hashes])
        for month, hashes in seen.items()
    }


def _events(
    months: list[date], evaluations: list[Evaluation], cross_file: CrossFile
) -> dict[date, dict[str, EventMonth]]:
    """For each month, by dataset, the events that ever fell in it."""
    found: dict[date, dict[str, EventMonth]] = {month: {} for month in months}
    for dataset, contract in load_contracts().items():
        if contract.kind == "event":
            across = [evaluation.verdicts_file for evaluation in evaluations if evaluation.dataset == dataset]
            of_months = cross_file.events(dataset).by_month(across)
            for month in found.keys() & of_months.keys():
                found[month][dataset] = of_months[month]
    return found


def _event_digests(events: dict[date, dict[str, EventMonth]], batches: list[CurrentBatch]) -> dict[date, str]:
    """For each month, a digest of the events that ever fell in it, and of who delivered events for it."""
    datasets = [dataset for dataset, contract in load_contracts().items() if contract.kind == "event"]
    arrived: dict[tuple[str, date], list[str]] = {}
    for batch in batches:
        arrived.setdefault((batch.slot.dataset, month_start(batch.slot.period)), []).append(batch.slot.supplier_id)
    return {
        month: _hash(
            [
                [dataset, of_month[dataset].digest if dataset in of_month else "", sorted(arrived.get((dataset, month), []))]
                for dataset in datasets
            ]
        )
        for month, of_month in events.items()
    }


def sum_digests(
    events: dict[date, dict[str, EventMonth]], registers: dict[date, str], cutoffs: list[date]
) -> dict[date, str]:
    """For each month, a digest of everything that the events of the month are summed from: the events, the units and
    settings of the months that they were delivered for, and with which cut-off each day that they name is known.
    """

    def _of_month(of_month: dict[str, EventMonth]) -> str:
        told = {dataset: one.digest for dataset, one in of_month.items()}
        delivered = sorted({month for one in of_month.values() for month in one.delivered})
        days = sorted({day for one in of_month.values() for day in one.days})
        known = [(day, next(iter(cutoffs[bisect_left(cutoffs, day) :]), None)) for day in days]
        return _hash([told, [registers.get(month) for month in delivered], known])

    return {month: _of_month(of_month) for month, of_month in events.items()}


def _period_digest(
    period: Period, registers: dict[date, str], events: dict[date, str], county: County, as_of: date
) -> str:
    # Figures to date look back to January, whatever the period.
    first = min(period.start_date, period.last_month.replace(month=1))
    of_months = [[registers[month], events[month]] for month in registers if first <= month <= period.last_month]
    return _hash([of_months, county.is_closed(period.last_month, as_of)])


def _registers(month: date) -> str:
    return f"registers {month.isoformat()}"


def _sums(month: date) -> str:
    return f"sums of events {month.isoformat()}"


def _inputs_hash(digests: dict[str, str], written: dict[str, str]) -> str:
    """Equal where an edition would be equal: the digests, and the files of tables that are shown as they are."""
    shown = ("units", "lineage", "expected", "deliveries", "rule_results", "batch_accounts", "suppliers")
    return _hash([digests, [written[name] for name in shown]])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _name(period: Period) -> str:
    return f"{period.period_type} {period.period.isoformat()}"


def _last_delivered(batches: list[CurrentBatch]) -> date | None:
    return max((month_start(batch.slot.period) for batch in batches), default=None)


__all__ = ["Control", "export_control", "known_units", "sum_digests"]
