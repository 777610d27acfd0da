"""From a figure to what is contested of it: to the objection that has not ended, and to the form that opens another."""

from __future__ import annotations

from dashboards.address import Address, Lang, TaskView
from dashboards.components import Node, labelled, link
from dashboards.records import Judgement
from dashboards.words import pick, say
from pipelines.objections import OUTCOMES, STATES, Objection


def objection_links(one: Judgement, name: str, known: Objection | None, address: Address) -> list[Node]:
    """'异议 3 号 · 待答复', and '提出异议' where none waits for an answer. `name`: of the KPI, for who does not see where it stands."""
    lang = address.lang
    told: list[Node] = []
    if known is not None:
        text = say("ob_known", lang, objection=known.objection_id, state=state_told(known, lang))
        told += [" ", link(text, address.to("objections", tasks=TaskView(str(known.objection_id))))]
    if known is None or known.state != "open":
        text = say("ob_contest", lang)
        told += [" ", link(text, _href(one, address), class_name="contest", **labelled(f"{text} {name}"))]
    return told


def state_told(objection: Objection, lang: Lang) -> str:
    """'待答复', '已答复（成立）'."""
    state = pick(STATES[objection.state], lang)
    if objection.outcome is None:
        return state
    outcome = pick(OUTCOMES[objection.outcome], lang)
    return f"{state}（{outcome}）" if lang == "zh" else f"{state} ({outcome.lower()})"


def _href(one: Judgement, address: Address) -> str:
    target = one.target.target_id if one.target else ""
    about = TaskView("new", unit=one.unit_key, kpi=one.kpi.kpi_id, target=target)
    return address.to("objections", period=one.period, tasks=about)
