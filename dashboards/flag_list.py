"""The list of missed and near targets: sortable, filterable, one row per flag.

The grid stands in the page, its rows come by a request of their own; it draws only the rows in sight.
"""

from __future__ import annotations

import json

import dash_ag_grid as dag

from dashboards import html, tell
from dashboards.address import Address, Lang
from dashboards.components import later
from dashboards.facts import Facts
from dashboards.follow_up_links import follow_up_href, follow_up_text
from dashboards.format import short_name
from dashboards.html import Component
from dashboards.records import STATES, Flag, Unit, listed_under
from dashboards.scope import STATE_OF_FLAG
from dashboards.words import (
    AGENCIES,
    DOMAINS,
    GRID_WORDS,
    MOVEMENT,
    MOVEMENT_ICONS,
    name_of,
    period_short,
    pick,
    say,
    state_word,
)
from dashboards.words import STATES as LOOKS
from pipelines.follow_up import Task

WITHOUT_SCROLLING = 12  # rows
MOST = 5_000  # rows that a browser is sent; a file holds all of them
ROW_HEIGHT, HEAD_HEIGHT = 34, 36  # pixels


def flag_list(count: int, source: str, lang: Lang) -> Component:
    """The grid for so many rows, which are asked of `source` when the grid is about to be seen."""
    height = f"{HEAD_HEIGHT + ROW_HEIGHT * min(count, WITHOUT_SCROLLING) + 18}px"
    return later(_grid(count, height, lang), height, id="flags-later", source=source)


def _grid(count: int, height: str, lang: Lang) -> Component:
    """Numbers are sorted as numbers and shown as printed everywhere else."""
    fits = count <= WITHOUT_SCROLLING

    def column(field: str, *, text: bool = False, number: bool = False, **more: object) -> dict[str, object]:
        kind: dict[str, object] = {"type": "rightAligned"} if number else {}
        if number and text:
            kind["filter"] = "agNumberColumnFilter"
        if text:
            kind["valueFormatter"] = {"function": f"params.data.{field}_text"}
        return {"field": field, "headerName": say(field, lang), **kind, **more}

    grid = dag.AgGrid(
        id="flags",
        columnDefs=[
            column("unit", cellRenderer="UnitLink", pinned="left", width=130),
            column("status", cellRenderer="StateChip", width=120),
            column("domain", width=110),
            column("kpi", cellRenderer="KpiLink", width=230),
            column("value", text=True, number=True, width=120),
            column("ratio", number=True, width=120),
            column("target", width=120),
            column("shortfall", text=True, number=True, width=120),
            column("since", text=True, width=100),
            column("follow_up", cellRenderer="TaskLink", width=150),
            column("in_a_row", number=True, filter="agNumberColumnFilter", width=90),
            column("movement", width=100),
            column("certainty", width=170),
            column("chance", width=190),
            column("trend_word", width=150),
            column("street", width=130),
            column("owner", width=110),
            column("clause", width=260),
        ],
        defaultColDef={"sortable": True, "filter": True, "resizable": True},
        dashGridOptions={
            "localeText": GRID_WORDS if lang == "zh" else {},
            "rowHeight": ROW_HEIGHT,
            "headerHeight": HEAD_HEIGHT,
            "domLayout": "autoHeight" if fits else "normal",
            "enableCellTextSelection": True,
            "animateRows": False,
            "suppressColumnVirtualisation": True,
        },
        style={"height": None if fits else height, "width": "100%"},
        dangerously_allow_code=False,
        enableEnterpriseModules=False,
    )
    return html.of_dash(grid)


def listed(facts: Facts, address: Address, most: int | None = None) -> list[Flag]:
    """The flags of the list on an overview, the most urgent first."""
    if _is_empty(address):
        return []
    return facts.flags(
        facts.period(address), address.level, facts.scope(address), state=address.show, most=most
    )


def how_many(facts: Facts, address: Address) -> int:
    """How many rows the list has."""
    if _is_empty(address):
        return 0
    inside, more = facts.scope(address).condition()
    counted = facts.edition.frame(
        "select count(*) as flags from fct_flag where period_type = ? and period = ? and unit_level = ?"
        f" and status in ('missed', 'near'){STATE_OF_FLAG.get(address.show, '')}{inside}",
        (address.period_type, facts.period(address).first, address.level, *more),
    )
    return int(counted["flags"][0])


def _is_empty(address: Address) -> bool:
    """Whether the state asked for is none that a flag may be in."""
    return address.show in STATES and address.show not in STATE_OF_FLAG


def flags_json(facts: Facts, address: Address) -> bytes:
    """The rows of the grid: the missed and near targets of the address, the most urgent first; of very many the first MOST."""
    period = facts.period(address)
    units = facts.units(period.end)
    rows = [_flag_row(flag, units, facts.task_about(flag.judgement), address) for flag in listed(facts, address, MOST)]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def _flag_row(flag: Flag, units: dict[str, Unit], task: Task | None, address: Address) -> dict[str, object]:
    one, lang = flag.judgement, address.lang
    unit = units.get(one.unit_key)
    parent = listed_under(unit, units) if unit else None
    return {
        "unit": short_name(unit.name) if unit else one.unit_code,
        "unit_href": address.to("unit", unit_key=one.unit_key),
        "status": state_word(one.state, lang),
        "state": one.state,
        "icon": LOOKS[one.state].icon,
        "domain": name_of(DOMAINS, one.kpi.domain, lang),
        "kpi": pick(one.kpi.name, lang),
        "kpi_href": address.to("kpi", kpi_id=one.kpi.kpi_id, unit_key=one.unit_key),
        "follow_up": follow_up_text(task, address),
        "follow_up_href": follow_up_href(one, task, address),
        "value": one.value,
        "value_text": tell.value(one, lang),
        "ratio": tell.ratio(one),
        "target": tell.target(one.target, one.kpi, lang),
        "shortfall": None if one.shortfall is None else float(one.shortfall),
        "shortfall_text": tell.shortfall_brief(one, lang),
        "since": flag.since.isoformat(),
        "since_text": period_short(address.period_type, flag.since),
        "in_a_row": flag.in_a_row,
        "movement": f"{MOVEMENT_ICONS.get(flag.movement, '')} {name_of(MOVEMENT, flag.movement, lang)}",
        "certainty": tell.certainty_brief(one, lang),
        "chance": tell.chance(one, lang),
        "trend_word": tell.trend_brief(flag.trend, lang),
        "street": parent.name if parent else "–",
        "owner": name_of(AGENCIES, flag.owner_agency, lang),
        "clause": tell.clause(one.target, lang),
    }
