"""Rules for the steward: what is tuned, since when and by whom; what a change would do; rules that never or always fail.

Belongs here: what is shown, and forms. Requests are taken in `dashboards/rules_routes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from dashboards import html
from dashboards.address import Address, Lang, StewardView
from dashboards.format import number
from dashboards.html import Component, element
from dashboards.html_pages import field
from dashboards.pages.figures_changed import figures_changed, table
from dashboards.pages.follow_up_forms import Filled, refusal
from dashboards.pages.follow_up_pieces import data
from dashboards.pages.steward_pieces import breadcrumb
from dashboards.rules_desk import RulesDesk
from dashboards.words import DATASETS, SEVERITIES, name_of, pick, say
from expectations.contract import Column, Contract, load_contract, load_contracts
from expectations.rules import RuleText, rule_catalogue
from expectations.tuning import tunable_parts
from pipelines.settings import local_time
from pipelines.stewardship.proposals import LONGEST_REASON, STATES
from pipelines.stewardship.rule_changes import RuleChange, RulesInForce, told
from pipelines.stewardship.rule_preview import RulePreview
from pipelines.stewardship.rule_standing import ALWAYS, NEVER, STANDINGS

_CHIPS = {"proposed": "answered", "in_force": "closed", "refused": "withdrawn", "withdrawn": "withdrawn"}
_OPEN = ("proposed", "in_force")
_COLUMNS = ("rules_rule", "rules_severity", "rules_tuned", "rules_standing")


def address_of(dataset: str, lang: Lang) -> Address:
    """Where the rules of a dataset are shown."""
    return Address("steward", lang=lang, steward=StewardView("rules", dataset=dataset))


def dataset_of(address: Address) -> str:
    """The dataset whose rules an address asks for; the first one where it names none that is known."""
    known = load_contracts()
    return address.steward.dataset if address.steward.dataset in known else next(iter(known))


def content(desk: RulesDesk, address: Address, token: str, filled: Filled) -> tuple[str, list[Component]]:
    """Title and content of the page. WarehouseError where the county's settings cannot be read."""
    lang, dataset = address.lang, dataset_of(address)
    changes, standings = desk.changes(), desk.standings()
    form = _Form(dataset, token, lang, filled)
    title = say("rules", lang)
    shown = [
        breadcrumb([], title, Address("steward", lang=lang)),
        *refusal(filled.error, lang),
        _headline(changes, lang, needs_two=desk.county.steward.two_persons),
        _open_changes(desk, [change for change in changes if change.state in _OPEN], form),
        _rules(desk, dataset, changes, standings, form),
        _marked(standings, lang),
        _ended([change for change in changes if change.state not in _OPEN], lang),
    ]
    return title, [part for part in shown if part is not None]


def _headline(changes: Sequence[RuleChange], lang: Lang, *, needs_two: bool) -> Component:
    waiting, force = (sum(change.state == state for change in changes) for state in _OPEN)
    said = say("rules_headline", lang, force=force, waiting=waiting) if waiting or force else say("rules_none", lang)
    how = [say("rules_how", lang), *([say("rules_two", lang)] if needs_two else [])]
    return html.Section(
        [
            html.H1(html.Strong(said), className=f"verdict {'open' if waiting else 'none'}"),
            html.P(("" if lang == "zh" else " ").join(how), className="about"),
        ],
        className="headline",
    )


# --- changes


def _open_changes(desk: RulesDesk, changes: Sequence[RuleChange], form: _Form) -> Component | None:
    if not changes:
        return None
    lang = form.lang
    busy = [html.P(say("rules_preview_runs", lang), className="banner stale", role="status")] if desk.is_previewing else []
    shown = [
        html.Article([*_about(change, lang), *_previewed(desk.preview(change), lang), *_steps(desk, change, form)], className="change", **data(change=f"{change.change_id}"))
        for change in changes
    ]  # fmt: skip
    return html.Section([_head(say("rules_changes", lang)), *busy, *shown], className="steps")


def _about(change: RuleChange, lang: Lang) -> list[Component]:
    draft = change.draft
    settled = say("rules_settled", lang, name=change.settled_by.name, at=local_time(change.settled_at)) if change.settled_by and change.settled_at else ""
    by = say("rules_by", lang, name=change.by.name, at=local_time(change.at))
    return [
        html.H3(
            [
                html.Span(pick(STATES[change.state], lang), className=f"chip t-{_CHIPS[change.state]}"),
                f" {change.change_id} · {name_of(DATASETS, draft.dataset, lang)} · {_rule_name(draft.dataset, draft.rule_id, lang)}",
            ]
        ),
        html.P(f"{pick(told(draft), lang)} · {_months(change, lang)}"),
        html.P([html.Span(draft.reason, className="written"), f" · {by}", f" · {settled}" if settled else None], className="about"),
        html.P(change.note, className="written") if change.note else html.Span(),
    ]


def _months(change: RuleChange, lang: Lang) -> str:
    draft = change.draft
    if draft.last_month is None:
        return say("rules_since", lang, first=draft.first_month)
    return say("rules_between", lang, first=draft.first_month, last=draft.last_month)


def _rule_name(dataset: str, rule_id: str, lang: Lang) -> str:
    known = {rule.id: rule for rule in rule_catalogue(load_contract(dataset), sample=False)}
    rule = known.get(rule_id)
    if rule is None:
        return rule_id
    return rule.zh if lang == "zh" else rule.en


def _previewed(found: RulePreview | None, lang: Lang) -> list[Component]:
    if found is None:
        return []
    said = say(
        "rules_previewed", lang, months="、".join(found.months) or "–", refused=found.refused, let_in=found.let_in,
        figures=found.figures.height, edition=found.edition_id,
    )  # fmt: skip
    parts = [html.P([html.B(said), f" {say('rules_trial', lang)}" if found.is_trial else None])]
    if found.rows.height:
        rows = [
            (name_of(DATASETS, row["dataset"], lang), row["period"], row["supplier_id"], number(row["refused"]), number(row["let_in"]))
            for row in found.rows.iter_rows(named=True)
        ]
        parts.append(table(("rules_dataset", "rules_month", "rules_supplier", "rules_refused_rows", "rules_let_in"), rows, lang))
    return [*parts, *figures_changed(found.figures, lang)]


def _steps(desk: RulesDesk, change: RuleChange, form: _Form) -> list[Component]:
    own = change.by == desk.actor
    kept = {"change": f"{change.change_id}"}
    note = form.line("rules_note", form.area("note", kept))
    required = form.line("rules_note", form.area("note", kept, required=True))
    forms: list[Component] = []
    if change.state == "proposed":
        forms.append(form.of("preview", kept, []))
        if not own:
            forms += [form.folded("approve", kept, [note]), form.folded("refuse", kept, [required])]
    forms.append(form.folded("withdraw", kept, [required]))
    return forms


def _ended(changes: Sequence[RuleChange], lang: Lang) -> Component | None:
    if not changes:
        return None
    told_of = [html.Li(_about(change, lang)) for change in changes]
    return html.Section(html.Details([html.Summary(say("rules_ended", lang, count=len(changes))), html.Ol(told_of, className="history-of-task")]))


# --- rules


def _rules(desk: RulesDesk, dataset: str, changes: Sequence[RuleChange], standings: pl.DataFrame, form: _Form) -> Component:
    lang = form.lang
    contract, in_force = load_contract(dataset), RulesInForce.of(changes)
    results = {row["rule_id"]: row for row in standings.filter(dataset=dataset).iter_rows(named=True)}
    tuned = {change.draft.rule_id: change for change in changes[::-1] if change.is_in_force and change.draft.dataset == dataset}
    now = in_force.contract(dataset, desk.this_month)
    rows = [
        _rule(rule, tuned.get(rule.id), results.get(rule.id), _tuning_form(rule, contract, now, desk, form), lang)
        for rule in rule_catalogue(contract, sample=desk.county.sample)
    ]
    head = html.Thead(html.Tr([html.Th(say(name, lang), scope="col") for name in _COLUMNS]))
    table = html.Table([head, html.Tbody(rows)], className="plain tasks")
    choices = [html.Option(pick(words, lang), value=name, selected=name == dataset) for name, words in DATASETS.items()]
    chooser = html.Form(
        [
            field("hidden", "lang", value=lang),
            html.Label([say("rules_dataset", lang), html.Select(choices, name="dataset")]),
            html.Button(say("rules_show", lang), type="submit", className="button"),
        ],
        action=StewardView("rules").path, method="get", className="filters",
    )  # fmt: skip
    title = say("rules_of", lang, dataset=name_of(DATASETS, dataset, lang))
    empty = [] if standings.height else [html.P(say("rules_first", lang), className="about")]
    return html.Section([_head(title), chooser, *empty, html.Div(table, className="scroll", tabIndex=0)], id="rules", className="steps")


def _rule(rule: RuleText, tuned: RuleChange | None, result: Mapping[str, Any] | None, tuning: Component | None, lang: Lang) -> Component:
    words = rule.zh if lang == "zh" else rule.en
    what = [f"{pick(told(tuned.draft), lang)} · {_months(tuned, lang)} · {tuned.by.name}"] if tuned else []
    cells: tuple[list[Any], ...] = (
        [words, html.Code(rule.id)],
        [name_of(SEVERITIES, rule.severity, lang)],
        [*what, tuning] if tuning else ["–"],
        _result(result, lang),
    )
    written = [
        element("td", element("div", cell), className="wraps empty" if cell == ["–"] else "wraps", **data(label=say(name, lang)))
        for name, cell in zip(_COLUMNS, cells, strict=True)
    ]
    return element("tr", written, **data(rule=rule.id))


def _result(result: Mapping[str, Any] | None, lang: Lang) -> list[Any]:
    if result is None:
        return ["–"]
    counts = say("rules_failed", lang, failed=number(result["rows_failed"]), checked=number(result["rows_checked"]))
    if result["standing"] is None:
        return [counts]
    tone = "s-missed" if result["standing"] == ALWAYS else "t-withdrawn"
    return [counts, " ", html.Span(pick(STANDINGS[result["standing"]], lang), className=f"chip {tone}")]


def _tuning_form(rule: RuleText, shipped: Contract, now: Contract, desk: RulesDesk, form: _Form) -> Component | None:
    """The form that proposes a change of a rule; None where it may not be tuned."""
    parts, lang = tunable_parts(rule), form.lang
    if not parts:
        return None
    kept = {"rule": rule.id, "dataset": shipped.dataset}
    column = now.column(rule.columns[0])
    fields: list[Component] = []
    if "bounds" in parts:
        fields += [_bound(name, column, kept, form) for name in ("minimum", "maximum")]
    if "values" in parts:
        fields += [
            form.line("rules_spellings", form.area("spellings", kept), say("rules_values", lang, values="、".join(column.values))),
            form.line("rules_removed", form.area("removed", kept)),
        ]
    if "severity" in parts:
        other = "warning" if rule.severity == "error" else "error"
        options = [html.Option(say("rules_keep", lang), value=""), html.Option(name_of(SEVERITIES, other, lang), value=other)]
        fields.append(form.line("rules_new_severity", html.Select(options, name="severity")))
    fields += [
        form.line("rules_from", form.text("first_month", kept, start=desk.this_month, pattern="[0-9]{4}-[0-9]{2}", required=True)),
        form.line("rules_to", form.text("last_month", kept, pattern="[0-9]{4}-[0-9]{2}")),
        form.line("rules_reason", form.area("reason", kept, required=True)),
    ]
    return form.folded("propose", kept, fields, say("rules_adjust", lang))


def _bound(name: str, column: Column, kept: Mapping[str, str], form: _Form) -> Component:
    bound = getattr(column, name)
    label = say(f"rules_{name}", form.lang, now="–" if bound is None else f"{bound:.15g}")
    return html.Label([html.Span(label), form.text(name, kept, inputMode="decimal")])


def _marked(standings: pl.DataFrame, lang: Lang) -> Component | None:
    """Rules of all datasets that always fail, and those that never do."""
    if standings.is_empty():
        return None
    lists = []
    for standing, title in ((ALWAYS, "rules_always"), (NEVER, "rules_never")):
        rows = standings.filter(standing=standing)
        items = [
            html.Li([html.A(name_of(DATASETS, dataset, lang), href=address_of(dataset, lang).href), f" · {_rule_name(dataset, rule, lang)}"])
            for dataset, rule in rows.select("dataset", "rule_id").iter_rows()
        ]
        lists.append(html.Details([html.Summary(say(title, lang, count=rows.height)), html.Ul(items)], **data(standing=standing)))
    help_ = html.P(say("rules_standing_help", lang), className="about")
    return html.Section([_head(f"{pick(STANDINGS[ALWAYS], lang)} · {pick(STANDINGS[NEVER], lang)}"), help_, *lists], className="steps")


# --- pieces


class _Form:
    """The forms of the page. What was typed into one stands there again where it was refused."""

    def __init__(self, dataset: str, token: str, lang: Lang, filled: Filled) -> None:
        self.action, self.token, self.lang, self._filled = address_of(dataset, lang).href, token, lang, filled

    def of(self, step: str, kept: Mapping[str, str], fields: Sequence[Component]) -> Component:
        hidden = {"to": step, "token": self.token, **kept}
        return html.Form(
            [
                *(field("hidden", name, value=value) for name, value in hidden.items()),
                *fields,
                html.P(html.Button(say(f"rules_{step}", self.lang), type="submit", className="button main")),
            ],
            action=self.action, method="post", className="step-form", **data(step=step),
        )  # fmt: skip

    def folded(self, step: str, kept: Mapping[str, str], fields: Sequence[Component], title: str = "") -> Component:
        is_refused = self._filled.values.get("to") == step and bool(self._typed(kept))
        return html.Details([html.Summary(title or say(f"rules_{step}", self.lang)), self.of(step, kept, fields)], open=is_refused)

    def line(self, name: str, control: Component, help_: str = "") -> Component:
        return html.Label([html.Span(say(name, self.lang)), control, html.Span(help_, className="help") if help_ else None])

    def area(self, name: str, kept: Mapping[str, str], *, required: bool = False) -> Component:
        return html.Textarea(self._typed(kept).get(name, ""), name=name, rows=2, maxLength=LONGEST_REASON, required=required)

    def text(self, name: str, kept: Mapping[str, str], *, start: str = "", **more: Any) -> Component:
        return field("text", name, value=self._typed(kept).get(name, start), **more)

    def _typed(self, kept: Mapping[str, str]) -> Mapping[str, str]:
        """What was sent by the form of the same change or rule."""
        sent = self._filled.values
        return sent if sent and all(sent.get(name) == value for name, value in kept.items()) else {}


def _head(title: str) -> Component:
    return html.Div(html.H2(title), className="section-head")

