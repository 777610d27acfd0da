"""The audit log for administrators: the last entries, and whether the log is as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards import html
from dashboards.address import Address, Lang
from dashboards.components import link
from dashboards.html import Component
from dashboards.words import pick, say
from pipelines.audit_log import ACTIONS, AuditVerification
from pipelines.settings import local_time

SHOWN = 200
_WORDS = {str(action): words for action, words in ACTIONS.items()}


def content(entries: Sequence[Mapping[str, Any]], found: AuditVerification, lang: Lang) -> Component:
    columns = ("audit_number", "audit_at", "audit_actor", "audit_address", "audit_action", "audit_subject")
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(say(name, lang), scope="col") for name in columns])),
            html.Tbody([_row(entry, lang) for entry in entries]),
        ],
        className="plain",
    )
    main = [
        html.H1(say("audit", lang), className="verdict none"),
        html.P(_state(found, lang), className="about" if found.is_whole else "banner stale"),
        html.P(say("audit_latest", lang, count=len(entries)), className="about"),
        html.Div(table, className="scroll", tabIndex=0),
        html.P(link(say("to_pages", lang), Address(lang=lang).href, class_name="button")),
    ]
    return html.Div(
        html.Main(main, id="content", tabIndex=-1), className="page", lang="en" if lang == "en" else "zh-Hans"
    )


def _state(found: AuditVerification, lang: Lang) -> str:
    if found.is_whole:
        return say("audit_whole", lang, count=found.entries)
    lost = say("audit_lost", lang) if found.is_head_lost else ""
    return say("audit_damaged", lang, damaged=len(found.damaged), lost=lost)


def _row(entry: Mapping[str, Any], lang: Lang) -> Component:
    who = {
        "nobody": say("audit_nobody", lang), "system_user": say("audit_command", lang, name=entry["actor"]),
    }.get(entry["actor_kind"], entry["actor"])  # fmt: skip
    subject = " · ".join(part for part in (entry["subject"], entry["detail"]) if part)
    action = pick(_WORDS[entry["action"]], lang) if entry["action"] in _WORDS else entry["action"]
    cells = (f"{entry['number']}", local_time(entry["at"]), who, entry["address"], action, subject)
    return html.Tr([html.Td(text) for text in cells])
