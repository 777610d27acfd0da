"""What is a cause for an alert now: told from the ledger, the current edition, the tasks of follow-up and the objections.

Belongs here: one function per kind. Each says the same as long as nothing changes, so that nobody is told twice. Texts hold counts,
codes and the names of units, datasets and indicators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from expectations.contract import load_contracts
from pipelines.alerts import Cause, Kind
from pipelines.county import County
from pipelines.editions import list_editions
from pipelines.errors import Words
from pipelines.follow_up import Task
from pipelines.follow_up_edition import asking
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import codes_now
from pipelines.objection_store import Objections
from pipelines.objections import Objection
from pipelines.publish import DATABASE
from pipelines.reading.refusals import what_is_refused
from pipelines.settings import Home, add_months, month_name, month_start
from pipelines.sql import file_list
from pipelines.store import Slot, Store

NAMED = 5  # of many, how many are named


@dataclass(frozen=True)
class Look:
    """What is looked at, as of a day. `is_running`: another process holds the lease, so that the newest run may live."""

    home: Home
    county: County
    store: Store
    as_of: date
    is_running: bool = False


def died(look: Look) -> list[Cause]:
    """Runs that never ended, though their process is gone; over once a run goes through."""
    unfinished = [one for one in look.store.runs_since_success() if one["finished_at"] is None]
    dead = unfinished[:-1] if look.is_running else unfinished
    if not dead:
        return []
    said = Words(
        f"运行在结束前中断（进程已不在），{len(dead)} 次；已发布的版本未变。重新运行 warehouse run",
        f"A run ended before it was through: its process is gone (such runs: {len(dead)}). The published edition is unchanged. "
        "Run again: warehouse run",
    )
    return [_of_runs("run_died", look, dead, said, len(dead))]


def failed(look: Look) -> list[Cause]:
    """Runs that failed, with why the newest one did; over once a run goes through. Worse with every other reason."""
    found = [one for one in look.store.runs_since_success() if one["outcome"] == "failed"]
    if not found:
        return []
    root = f"{look.home.root}/"
    zh, en = ((found[-1][name] or "").replace(root, "") for name in ("message", "message_en"))
    said = Words(f"运行失败，已发布的版本未变。{zh}", f"The run failed. The published edition is unchanged. {en}")
    return [_of_runs("run_failed", look, found, said, len({one["message"] for one in found}))]


def _of_runs(kind: Kind, look: Look, runs: Sequence[dict[str, Any]], said: Words, weight: int) -> Cause:
    first = runs[0]
    return Cause(kind, first["run_id"], said, first["started_at"], (look.county.county_code,), weight=weight)


def missing(look: Look) -> list[Cause]:
    """By supplier and month, the datasets whose due day has passed and of which nothing came."""
    known = look.store.slots()
    owed: dict[tuple[str, str], list[tuple[date, str]]] = {}
    for expected in look.county.expected:
        for month, due in _due(look.county, expected.due_day, look.as_of):
            for supplier in expected.suppliers:
                if Slot(supplier, expected.dataset, month) not in known:
                    owed.setdefault((supplier, month), []).append((due, expected.dataset))
    return [_missing(look.county, *place, datasets) for place, datasets in owed.items()]


def _due(county: County, due_day: int, as_of: date) -> Iterator[tuple[str, date]]:
    """The months that had to be delivered before a day, with the day on which they were due."""
    month, last = month_start(county.first_period), county.last_period
    while (due := add_months(month, 1).replace(day=due_day)) < as_of and (last is None or month_name(month) <= last):
        yield month_name(month), due
        month = add_months(month, 1)


def _missing(county: County, supplier_id: str, month: str, owed: list[tuple[date, str]]) -> Cause:
    supplier, due = county.supplier(supplier_id), min(day for day, _ in owed)
    names = _datasets([dataset for _, dataset in owed])
    said = Words(
        f"{supplier.name_zh} {month} 缺报 {len(owed)} 项（应于 {due} 前报送）：{names.zh}",
        f"{supplier_id}: not delivered for {month}, due {due} ({len(owed)}): {names.en}",
    )
    return Cause(
        "delivery_missing", f"{supplier_id}/{month}", said, due.isoformat(), supplier.covers, supplier_id, len(owed)
    )


def refused(look: Look) -> list[Cause]:
    """Files that were refused, until one is accepted in their place."""
    suppliers = {supplier.id: supplier for supplier in look.county.suppliers}
    return [
        Cause(
            "delivery_refused", "/".join((entry["supplier_id"], entry["dataset"], entry["period"])),
            _refused(entry, suppliers[entry["supplier_id"]].name_zh), entry["received_at"],
            suppliers[entry["supplier_id"]].covers, entry["supplier_id"],
        )
        for entry in look.store.refused_slots()
        if entry["supplier_id"] in suppliers
    ]  # fmt: skip


def _refused(entry: dict[str, Any], supplier: str) -> Words:
    names, why = _datasets([entry["dataset"]]), what_is_refused(entry["refusal_code"])
    return Words(
        f"{supplier} {entry['period']} 的{names.zh}被退回：{why.zh}（{entry['refusal_code']}）。更正后重新报送",
        f"{entry['supplier_id']}: {names.en} of {entry['period']} was refused: {why.en} ({entry['refusal_code']}). Deliver it again, mended",
    )


def quarantined(look: Look) -> list[Cause]:
    """By supplier and month, how many rows of the current edition were refused and count for nothing."""
    if not look.home.pointer.exists():
        return []
    suppliers = {supplier.id: supplier for supplier in look.county.suppliers}
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for supplier_id, dataset, month, rows in _quarantined(look.home.pointer.resolve()):
        if supplier_id in suppliers:
            found.setdefault((supplier_id, month), []).append((rows, dataset))
    causes = []
    for (supplier_id, month), counts in found.items():
        total, counts = sum(rows for rows, _ in counts), sorted(counts, reverse=True)
        contracts, supplier = load_contracts(), suppliers[supplier_id]
        zh = _first([f"{contracts[dataset].title_zh} {rows}" for rows, dataset in counts], "、")
        en = _first([f"{contracts[dataset].title_en} {rows}" for rows, dataset in counts], ", ")
        said = Words(
            f"{supplier.name_zh} {month} 有 {total} 行未通过核对，未计入指标：{zh}",
            f"{supplier_id}: rows of {month} that were refused and count for nothing ({total}): {en}",
        )
        since = add_months(month_start(month), 1).isoformat()
        causes.append(Cause("rows_refused", f"{supplier_id}/{month}", said, since, supplier.covers, supplier_id, total))
    return causes


# What editions say is kept: they never change, and a sensor asks every minute.
@lru_cache(maxsize=4)
def _quarantined(edition: Path) -> list[tuple[str, str, str, int]]:
    return _asked(
        edition,
        "select supplier_id, dataset, strftime(period, '%Y-%m'), rows_quarantined::bigint from fct_delivery"
        " where rows_quarantined > 0 order by period, supplier_id, dataset",
    )


def new_flags(look: Look) -> list[Cause]:
    """Targets that the current edition shows missed or near and the edition before did not; over with the next edition."""
    editions = list_editions(look.home)
    pairs = [(older, newer) for older, newer in pairwise(editions) if newer.is_current]
    if not pairs:
        return []
    older, newer = pairs[0]
    flags = _new_flags(newer.folder / DATABASE, tuple(older.files("fct_flag")))
    if not flags:
        return []
    kpis, places = (_counted(flags, slice(*ends)) for ends in ((0, 2), (2, 4)))
    units = len({flag[4] for flag in flags})
    said = Words(
        f"与上一版次相比，{units} 个单位新出现 {len(flags)} 项未达标或接近。指标：{kpis.zh}。地区：{places.zh}",
        f"Newly missed or near since the edition before: {len(flags)} (units: {units}). By indicator: {kpis.en}. By place: {places.en}",
    )
    since = newer.manifest["as_of_date"]
    return [Cause("new_flags", newer.id, said, since, (look.county.county_code,), weight=len(flags))]


@lru_cache(maxsize=4)
def _new_flags(edition: Path, older: tuple[Path, ...]) -> list[tuple[str, str, str, str, str]]:
    """Of each new flag: the KPI's names, the name of its street, or of the unit itself where it is none's, twice, the unit's key.

    A unit, KPI and target is flagged where its newest judged month is missed or near for certain. Of KPIs that communities are
    judged by, communities count alone: what is above adds them up.
    """
    return _asked(
        edition,
        f"""
        with standing as (
            select unit_key, kpi_id, target_id, arg_max(unit_code, period) as unit_code, arg_max(unit_level, period) as unit_level,
                arg_max(status <> 'met' and certainty = 'confirmed', period) as is_flagged
            from fct_flag where period_type = 'month' and unit_level <> 'grid' group by all
        ),
        before as (
            select unit_key, kpi_id, target_id, arg_max(status <> 'met' and certainty = 'confirmed', period) as was_flagged
            from read_parquet({file_list(older)}, hive_partitioning=false)
            where period_type = 'month' and unit_level <> 'grid' group by all
        ),
        found as (
            select standing.* from standing left join before using (unit_key, kpi_id, target_id)
            where is_flagged and not coalesce(was_flagged, false)
            qualify unit_level = 'community' or not bool_or(unit_level = 'community') over (partition by kpi_id)
        ),
        units as (
            select unit_code, arg_max(unit_name, valid_from) as unit_name, arg_max(street_code, valid_from) as street_code
            from dim_unit group by unit_code
        )
        select kpis.name_zh, kpis.name_en, coalesce(street.unit_name, own.unit_name), coalesce(street.unit_name, own.unit_name), unit_key
        from found
        inner join dim_kpi as kpis using (kpi_id)
        left join units as own on own.unit_code = found.unit_code
        left join units as street on street.unit_code = own.street_code
        order by kpis.position, unit_key, target_id""",
    )


def _counted(rows: Sequence[tuple[str, ...]], names: slice) -> Words:
    """What stands under these two columns with how often it does, the most frequent first."""
    counts: dict[tuple[str, ...], int] = {}
    for row in rows:
        counts[row[names]] = counts.get(row[names], 0) + 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return Words(
        _first([f"{name[0]} {count}" for name, count in ordered], "、"), _first([f"{name[1]} {count}" for name, count in ordered], ", ")
    )


def overdue(look: Look) -> list[Cause]:
    """Tasks of follow-up that the agency owes an answer since their due date."""
    tasks = [task for task in FollowUp(look.store).tasks() if task.lamp(look.as_of) == "overdue"]
    names = _kpi_names(look.home.pointer.resolve()) if tasks and look.home.pointer.exists() else {}
    return [_overdue(task, names.get(task.flag.key.kpi_id)) for task in tasks]


def _overdue(task: Task, kpi: Words | None) -> Cause:
    flag, kpi = task.flag, kpi or Words(task.flag.key.kpi_id, task.flag.key.kpi_id)
    said = Words(
        f"督办 {task.task_id} 逾期（应于 {task.due} 前反馈）：{flag.unit_name}，{kpi.zh}",
        f"Task {task.task_id} is overdue (an answer was due {task.due}): {flag.unit_name}, {kpi.en}",
    )
    assert task.due is not None  # or it would not be overdue
    return Cause("follow_up_overdue", f"{task.task_id}", said, task.due.isoformat(), (flag.unit_code,))


def unanswered(look: Look) -> list[Cause]:
    """Objections that nobody has answered since their due date; over once somebody answers or they are withdrawn."""
    late = [one for one in Objections(look.store).live() if one.lamp(look.as_of) == "overdue"]
    if not late:
        return []
    names = _kpi_names(look.home.pointer.resolve())
    with asking(look.home) as ask:
        codes = codes_now(ask, (one.subject.unit_key for one in late))
    return [_unanswered(one, names.get(one.subject.kpi_id), codes.get(one.subject.unit_key)) for one in late]


def _unanswered(one: Objection, kpi: Words | None, code: str | None) -> Cause:
    contested, kpi, due = one.claim.contested, kpi or Words(one.subject.kpi_id, one.subject.kpi_id), one.claim.due
    said = Words(
        f"异议 {one.objection_id} 逾期未答复（应于 {due} 前答复）：{contested.unit_name}，{kpi.zh}",
        f"Objection {one.objection_id} has no answer (due {due}): {contested.unit_name}, {kpi.en}",
    )
    areas = (code or contested.unit_code,)
    return Cause("objection_overdue", f"{one.objection_id}", said, due.isoformat(), areas, agency=contested.owner_agency)


@lru_cache(maxsize=4)
def _kpi_names(edition: Path) -> dict[str, Words]:
    rows = _asked(edition, "select kpi_id, name_zh, name_en from dim_kpi")
    return {kpi_id: Words(zh, en) for kpi_id, zh, en in rows}


FINDERS: dict[Kind, Callable[[Look], list[Cause]]] = {
    "run_died": died, "run_failed": failed, "delivery_missing": missing, "delivery_refused": refused,
    "follow_up_overdue": overdue, "objection_overdue": unanswered, "rows_refused": quarantined, "new_flags": new_flags,
}  # fmt: skip


def _asked(edition: Path, query: str) -> list[Any]:
    with duckdb.connect(str(edition), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _datasets(names: Sequence[str]) -> Words:
    titles = [load_contracts()[name] for name in names]
    return Words(_first([one.title_zh for one in titles], "、"), _first([one.title_en for one in titles], ", "))


def _first(texts: Iterable[str], separator: str) -> str:
    """The first of many, and how many more there are."""
    texts = list(texts)
    more = f" … +{len(texts) - NAMED}" if len(texts) > NAMED else ""
    return separator.join(texts[:NAMED]) + more
