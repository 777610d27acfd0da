"""The marts of dbt that follow from declared measures: rows of a dataset → sums by place → sums by unit.

Belongs here: the text of `dbt/models/marts/derived/<mart>.sql` and `.yml`, over registers and over events.
Does not belong here: what a measure is (see `dbt_measures`). Marts that need more than a declaration are written by
hand and stand beside these.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from expectations.contract import Contract, load_contracts
from pipelines.dbt_measures import AT_ONCE, KEYS, Mart, Measure, Part, load_marts
from pipelines.dbt_sources import write_sources
from pipelines.settings import DBT_DIR

MARTS_DIR = DBT_DIR / "models" / "marts" / "derived"
HEADER = "Derived from dbt/measures/{mart}.yml by pipelines.dbt_marts.write_marts: do not edit."
_PLACE = ("place_month", "supplier_id", "community_code")
# Columns that say where in its community a row lies, in case that a part of it moves to another.
_PARTS = ("grid_code", "household_no")
# By the column that says where rows count: the macro that sums them by unit.
_SUMS = {"community_code": "sum_by_unit", "unit_code": "sum_by_named_unit"}
_GROUPED = {place: f"group by rows.place_month, rows.supplier_id, rows.{place}, today_code" for place in _SUMS}
_REGISTER_CONFIG = """{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
"""


def write_derived() -> None:
    """Renews everything in dbt that follows from contracts and measures."""
    contracts = load_contracts()
    write_sources(contracts)
    write_marts(contracts)


def write_marts(contracts: dict[str, Contract]) -> None:
    """Writes the models of all declared marts. To be run after a measure changed; a test tells when it was forgotten."""
    for path, text in derived_files(contracts).items():
        path.write_text(text, encoding="utf-8")


def render_contract(mart: Mart) -> str:
    """The YAML twin of a mart's model: its columns, enforced."""
    columns = {name: KEYS[name] for name in ("unit_key", *mart.keys)} | mart.columns()
    grain = "单位 × 所属月 × 可知月 / unit × month × month known" if mart.is_event else "单位 × 月 / unit × month"
    model = {
        "name": mart.mart,
        "description": f"{mart.title_zh}：{grain.split(' / ')[0]} / {mart.title_en}: {grain.split(' / ')[1]}",
        "columns": [
            {"name": name, "data_type": data_type, "description": comment}
            for name, (data_type, comment) in columns.items()
        ],
    }
    body = yaml.safe_dump({"version": 2, "models": [model]}, allow_unicode=True, sort_keys=False, width=200)
    return f"# {HEADER.format(mart=mart.mart)}\n{body}"


def render_model(mart: Mart, contracts: dict[str, Contract]) -> str:
    """The SQL of a mart's model."""
    body = event_mart(mart, contracts) if mart.is_event else register_mart(mart, contracts)
    return f"-- {HEADER.format(mart=mart.mart)}\n{body}"


def derived_files(contracts: dict[str, Contract]) -> dict[Path, str]:
    """Every derived file with the text that it should have."""
    files: dict[Path, str] = {}
    for mart in load_marts():
        files[MARTS_DIR / f"{mart.mart}.sql"] = render_model(mart, contracts)
        files[MARTS_DIR / f"{mart.mart}.yml"] = render_contract(mart)
    return files


def register_mart(mart: Mart, contracts: dict[str, Contract]) -> str:
    """One row per unit in force, then or today, and month to compute; 0 where nothing was delivered."""
    names, least = list(mart.columns()), _least(mart)
    steps = [
        "placed_units as (\n    select * from {{ ref('placed_units') }}\n)",
        "months as (\n    select month from {{ source('control', 'months') }}\n    where is_dirty\n)",
    ]
    for dataset in mart.datasets:
        steps += _register_sums(mart, dataset, contracts[dataset])
    steps.append(_union("places", [(dataset, _own_columns(mart, dataset)) for dataset in mart.datasets], names, ("month",), least, mart.place))
    steps.append(_by_unit(names, ("month",), least, mart.place))
    filled = [f"cast(coalesce(counted.{name}, 0) as {kind}) as {name}" for name, (kind, _) in mart.columns().items()]
    return (
        f"{_REGISTER_CONFIG}\nwith {_joined(steps)}\n\nselect\n    placed_units.unit_key,\n    placed_units.month,\n    "
        + ",\n    ".join(filled)
        + "\nfrom placed_units\ninner join months on placed_units.month = months.month\nleft join counted\n"
        "    on placed_units.unit_key = counted.unit_key and placed_units.month = counted.month\n"
    )


def _register_sums(mart: Mart, dataset: str, contract: Contract) -> list[str]:
    """CTEs from <dataset>_rows to <dataset>: rows with what each measure makes of them, and their sums by place."""
    summed = [measure for measure in mart.of(dataset) if measure.kind != "places"]
    placed = [measure for measure in mart.of(dataset) if measure.kind == "places"]
    rows = _cte(f"{dataset}_rows", ["*", "month as place_month", *_flags(mart.of(dataset))], _source(mart.of(dataset)))
    sums = [
        f"{_aggregated(part)} as {measure.name}{part.suffix}"
        for measure in summed
        for part in measure.parts(is_event=False)
    ]
    flags = [
        f"{aggregate}(case when {measure.name}_{flag} then 1 else 0 end) as {measure.name}_{flag}"
        for measure in placed
        for aggregate, flag in (("max", "counts"), ("sum", "may_count"))
    ]
    place, joins = _then_and_today(mart.place, _part(contract))
    columns = [*_columns(summed), *(f"{m.name}_{flag}" for m in placed for flag in ("counts", "may_count"))]
    by_place = _cte(f"{dataset}_sums", [*place, *sums, *flags], f"{dataset}_rows as rows", f"{joins}\n    {_GROUPED[mart.place]}")
    in_both = _in_both_bases(f"{dataset}_places", f"{dataset}_sums", columns, mart.place)
    if placed:
        return [rows, by_place, in_both, _placed(mart, dataset)]
    listed = [*_place(mart.place), "place_month as month", *columns]
    return [rows, by_place, in_both, _cte(dataset, listed, f"{dataset}_places")]


def _placed(mart: Mart, dataset: str) -> str:
    """Communities that have such a row, and those that may: a row without a community may be in any, each in one.

    A community that two suppliers deliver stands once; what stands nowhere, once per supplier.
    """
    # a unit of any level need not be one of the county's
    found = "known.community_code" if mart.place == "community_code" else f"sums.{mart.place}"
    supplier = f"case when {found} is null then sums.supplier_id end"
    columns = ["sums.place_month", "min(sums.supplier_id) as supplier_id", f"sums.{mart.place}", "sums.place_month as month"]
    least = _least(mart)
    for measure in mart.of(dataset):
        name = measure.name
        if measure.kind != "places":
            own = [name + part.suffix for part in measure.parts(is_event=False)]
            columns += [f"{'min' if column in least else 'sum'}(sums.{column}) as {column}" for column in own]
            continue
        columns += [
            f"max(case when {found} is not null then sums.{name}_counts else 0 end) as {name}",
            f"case\n            when max({found}) is null then sum(sums.{name}_may_count)\n"
            f"            when max(sums.{name}_counts) = 0 then least(sum(sums.{name}_may_count), 1)\n            else 0\n"
            f"        end as {name}_doubtful",
        ]
    joined = (
        "left join ({{ known_places() }}) as known\n"
        "        on sums.place_month = known.month and sums.community_code = known.community_code\n    "
        if mart.place == "community_code"
        else ""
    )
    return _cte(
        dataset, columns, f"{dataset}_places as sums",
        f"{joined}group by sums.place_month, sums.{mart.place}, {supplier}",
    )  # fmt: skip


def event_mart(mart: Mart, contracts: dict[str, Contract]) -> str:
    """One row per unit, month that events belong to and month from which on something of them is known."""
    names = list(mart.columns())
    steps = [_WINDOWS]
    parts: list[tuple[str, dict[str, str]]] = []
    for dataset in mart.datasets:
        steps += _event_rows(mart, dataset, contracts[dataset])
        for day in _known_days(mart, dataset):
            step = f"{dataset}_{day}"
            sums = _event_sums(mart, dataset, day)
            steps.append(_known(dataset, day, sums, _part(contracts[dataset])))
            parts.append((step, {name: name for name in sums}))
    steps.append(_union("sums", parts, names, ("today_code", "month", "known_month")))
    steps.append(_in_both_bases("places", "sums", ["month", "known_month", *names]))
    steps.append(_by_unit(names, ("month", "known_month")))
    columns = [f"cast({name} as {kind}) as {name}" for name, (kind, _) in mart.columns().items()]
    return (
        "-- Built anew each time: a delivery may tell more of events of any earlier month.\n"
        f"with {_joined(steps)}\n\nselect\n    unit_key,\n    month,\n    known_month,\n    "
        + ",\n    ".join(columns)
        + "\nfrom counted\n"
    )


_WINDOWS = """-- a day is known with the first month whose cut-off is on or after it
cutoffs as (
    select
        month,
        cutoff_date,
        lag(cutoff_date) over (order by month) as previous_cutoff_date
    from {{ ref('calendar') }}
    where cutoff_date is not null
)"""


def _event_rows(mart: Mart, dataset: str, contract: Contract) -> list[str]:
    """CTEs <dataset>_rows, <dataset>_compared: the rows, and which of them say something else of a row that counts."""
    measures = mart.of(dataset)
    (key,) = contract.key
    rows = _cte(f"{dataset}_rows", ["*", "month as place_month", *_flags(measures)], _source(mart.of(dataset)))
    columns = ["*"]
    for measure in measures:
        name = measure.name
        columns += [
            f"{name}_counts and {_any(f'{name}_may_count', key)} as {name}_is_revised",
            # a row without a number can be no revision of anything
            f"{name}_may_count and not ({key} is not null and {_any(f'{name}_counts', key)}) as {name}_is_own",
        ]
    return [rows, _cte(f"{dataset}_compared", columns, f"{dataset}_rows")]


def _any(flag: str, key: str) -> str:
    return f"max(case when {flag} then 1 else 0 end) over (partition by {key}) = 1"


def _known_days(mart: Mart, dataset: str) -> list[str]:
    parts = [part for measure in mart.of(dataset) for part in measure.parts(is_event=True)]
    return list(dict.fromkeys(part.known_on for part in parts))


def _event_sums(mart: Mart, dataset: str, day: str) -> dict[str, str]:
    """What is known from `day` on: column → SQL."""
    return {
        measure.name + part.suffix: f"sum(case when {part.condition} then {part.amount} else 0 end)"
        for measure in mart.of(dataset)
        for part in measure.parts(is_event=True)
        if part.known_on == day
    }


def _known(dataset: str, day: str, sums: dict[str, str], part: str | None) -> str:
    columns = [f"{sql} as {name}" for name, sql in sums.items()]
    place, joins = _then_and_today("community_code", part)
    grouped = f"{_GROUPED['community_code']}, rows.cohort_month"
    if day == AT_ONCE:
        known = ["rows.cohort_month as month", "rows.cohort_month as known_month"]
        return _cte(f"{dataset}_{day}", [*place, *known, *columns], f"{dataset}_compared as rows", f"{joins}\n    {grouped}")
    known = ["rows.cohort_month as month", "greatest(cutoffs.month, rows.cohort_month) as known_month"]
    joined = (
        f"inner join cutoffs\n        on cast(rows.{day} as date) <= cutoffs.cutoff_date\n"
        f"        and (cutoffs.previous_cutoff_date is null or cast(rows.{day} as date) > cutoffs.previous_cutoff_date)\n"
        f"    {joins}\n    {grouped}, cutoffs.month"
    )
    return _cte(f"{dataset}_{day}", [*place, *known, *columns], f"{dataset}_compared as rows", joined)


# --- what both forms share ----------------------------------------------------------------------------------


def _flags(measures: list[Measure]) -> list[str]:
    """For each measure: whether a row counts, and whether a quarantined one may."""
    return [
        flag
        for measure in measures
        for flag in (
            f"row_state = 'accepted' and coalesce({measure.counts}, false) as {measure.name}_counts",
            f"row_state = 'quarantined' and coalesce({measure.counts}, true) as {measure.name}_may_count",
        )
    ]


def _part(contract: Contract) -> str | None:
    """The column that says where in its community a row of the dataset lies, if any; every model of its rows has it."""
    own = {lake.name for column in contract.columns for lake in column.lake_columns()}
    return next((part for part in _PARTS if part in own), None)


def _then_and_today(place: str, part: str | None) -> tuple[list[str], str]:
    """Columns of the place of a row then and of its place today, and the joins that tell the latter."""
    named = ("" if part is None else f", '{part}'"), ("" if place == "community_code" else f", place='{place}'")
    columns = [*(f"rows.{name}" for name in _place(place)), f"{{{{ today_code('rows'{named[0]}) }}}} as today_code"]
    return columns, f"{{{{ join_today('rows'{''.join(named)}) }}}}"


def _in_both_bases(name: str, sums: str, columns: list[str], place: str = "community_code") -> str:
    listed = ",\n        ".join(f"'{column}'" for column in columns)
    named = "" if place == "community_code" else f", place='{place}'"
    return f"{name} as (\n    {{{{ in_both_bases('{sums}', [\n        {listed},\n    ]{named}) }}}}\n)"


def _columns(measures: list[Measure]) -> list[str]:
    return [measure.name + part.suffix for measure in measures for part in measure.parts(is_event=False)]


def _own_columns(mart: Mart, dataset: str) -> dict[str, str]:
    return {name: name for measure in mart.of(dataset) for name in measure.columns(is_event=mart.is_event)}


def _least(mart: Mart) -> list[str]:
    """The columns of which the least counts instead of the sum."""
    return [
        name
        for measure in mart.measures
        for name, part in measure.columns(is_event=mart.is_event).items()
        if part.aggregate == "min"
    ]


def _aggregated(part: Part) -> str:
    if part.aggregate == "min":
        return f"min(case when {part.condition} then {part.amount} end)"
    return f"sum(case when {part.condition} then {part.amount} else 0 end)"


def _union(
    name: str, parts: list[tuple[str, dict[str, str]]], columns: list[str], keys: tuple[str, ...], least: Sequence[str] = (),
    place: str = "community_code",
) -> str:  # fmt: skip
    """One relation of all sums by place, with 0 for what a part does not measure, null for a minimum."""
    none = {column: f"null as {column}" if column in least else f"0 as {column}" for column in columns}
    selects = []
    for relation, own in parts:
        listed = [*_place(place), *keys, *(own.get(column, none[column]) for column in columns)]
        selects.append("    select\n        " + ",\n        ".join(listed) + f"\n    from {relation}")
    return f"{name} as (\n" + "\n    union all\n".join(selects) + "\n)"


def _by_unit(
    columns: list[str], keys: tuple[str, ...], least: Sequence[str] = (), place: str = "community_code"
) -> str:
    listed = ",\n        ".join(f"'{column}'" for column in columns)
    quoted = ", ".join(f"'{key}'" for key in keys)
    named = ", least=[" + ", ".join(f"'{column}'" for column in least) + "]" if least else ""
    return f"counted as (\n    {{{{ {_SUMS[place]}('places', [{quoted}], [\n        {listed},\n    ]{named}) }}}}\n)"


def _place(column: str) -> tuple[str, str, str]:
    return "place_month", "supplier_id", column


def _cte(name: str, columns: list[str], source: str, tail: str = "") -> str:
    body = "    select\n        " + ",\n        ".join(columns) + f"\n    from {source}" + (f"\n    {tail}" if tail else "")
    return f"{name} as (\n{body}\n)"


def _joined(steps: list[str]) -> str:
    return ",\n\n".join(steps)


def _source(measures: list[Measure]) -> str:
    (model,) = {measure.rows or f"stg_{measure.of}" for measure in measures}
    return f"{{{{ ref('{model}') }}}}"
