"""The marts of dbt that follow from declared measures: every column that a mart's rows are summed to.

Belongs here: the text of `dbt/models/marts/derived/<mart>.sql` and `.yml`, over registers and over events.
Does not belong here: what a measure is (see `dbt_measures`), and the SQL over its columns (see
`dbt/macros/measures.sql`). Marts that need more than a declaration are written by hand and stand beside these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from expectations.contract import Contract, load_contracts
from pipelines.dbt_measures import AT_ONCE, KEYS, Mart, Measure, Part, load_marts
from pipelines.dbt_sources import write_sources
from pipelines.settings import DBT_DIR

MARTS_DIR = DBT_DIR / "models" / "marts" / "derived"
HEADER = "Derived from dbt/measures/{mart}.yml by pipelines.dbt_marts.write_marts: do not edit."
# Columns that say where in its community a row lies, in case that a part of it moves to another.
_PARTS = ("grid_code", "household_no")
_REGISTER_CONFIG = """{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
"""
# What a column of a derived model is unless it says otherwise (see all_columns_of in dbt/macros/measures.sql).
_USUAL = {"type": "bigint", "aggregate": "sum", "amount": "1", "unless": None, "known_on": AT_ONCE}
_EVENT_CONFIG = """-- A delivery may tell more of events of any earlier month: those months are computed again.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months("events") }}', '{{ forget_months("has_other_events") }}'],
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


def render_model(mart: Mart, contracts: Mapping[str, Contract]) -> str:
    """The SQL of a mart's model: what its rows are summed to, and the macro that does it."""
    datasets = "\n".join(_dataset(mart, contracts[name]) for name in mart.datasets)
    note, macro = (_EVENT_CONFIG, "event_mart") if mart.is_event else (_REGISTER_CONFIG, "register_mart")
    call = f"{macro}(datasets, {_quoted(mart.place)}{', has_grids=true' if mart.has_grids else ''})"
    return f"-- {HEADER.format(mart=mart.mart)}\n{note}{{% set datasets = [\n{datasets}\n] %}}\n\n{{{{ {call} }}}}\n"


def derived_files(contracts: dict[str, Contract]) -> dict[Path, str]:
    """Every derived file with the text that it should have."""
    files: dict[Path, str] = {}
    for mart in load_marts():
        files[MARTS_DIR / f"{mart.mart}.sql"] = render_model(mart, contracts)
        files[MARTS_DIR / f"{mart.mart}.yml"] = render_contract(mart)
    return files


def _dataset(mart: Mart, contract: Contract) -> str:
    measures = mart.of(contract.dataset)
    (model,) = {measure.rows or f"stg_{measure.of}" for measure in measures}
    said = {"name": _quoted(contract.dataset), "rows": f"ref({_quoted(model)})", "part": _quoted(_part(contract))}
    if mart.is_event:
        (key,) = contract.key
        said["key"] = _quoted(key)
    listed = "".join(_measure(mart, measure) for measure in measures)
    return f'    {{{_listed(said)}, "measures": [\n{listed}    ]}},'


def _measure(mart: Mart, measure: Measure) -> str:
    columns = "".join(
        f"            {{{_listed(_column(measure, part))}}},\n" for part in measure.parts(is_event=mart.is_event)
    )
    said = {"name": _quoted(measure.name), "counts": _quoted(measure.counts)}
    return f'        {{{_listed(said)}, "columns": [\n{columns}        ]}},\n'


def _column(measure: Measure, part: Part) -> dict[str, str]:
    said = {
        "name": measure.name + part.suffix, "type": measure.type_of(part), "aggregate": part.aggregate,
        "amount": part.amount, "where": part.condition, "unless": part.unless, "known_on": part.known_on,
    }  # fmt: skip
    return {name: _quoted(text) for name, text in said.items() if name not in _USUAL or text != _USUAL[name]}


def _part(contract: Contract) -> str | None:
    """The column that says where in its community a row of the dataset lies, if any; every model of its rows has it."""
    own = {lake.name for column in contract.columns for lake in column.lake_columns()}
    return next((part for part in _PARTS if part in own), None)


def _listed(said: Mapping[str, str]) -> str:
    """The inside of a literal of a dictionary, as Jinja reads it."""
    return ", ".join(f"{_quoted(name)}: {text}" for name, text in said.items())


def _quoted(text: str | None) -> str:
    return "none" if text is None else json.dumps(text, ensure_ascii=False)
