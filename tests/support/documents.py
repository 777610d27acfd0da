"""The documents that the application has, and a county with something on each of them."""

from __future__ import annotations

from datetime import date

from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.follow_up import Assignment, Key
from pipelines.follow_up_edition import Ask, asking, flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim
from pipelines.settings import Home
from pipelines.stewardship.open_rows import open_rows
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RuleDraft
from pipelines.stewardship.tickets import Tickets
from pipelines.store import Store

CHIEF, SECRET = "chief", "correct horse battery"
TESTER = Actor("system_user", "tester")
# Of every route that answers with a document, one address; `{row}` is that of a refused row.
DOCUMENTS = {
    "/": "/", "/<path:path>": "/data", "steward": "/steward", "steward_decisions": "/steward/decisions", "steward_ticket": "/steward/ticket/1",
    "steward_row": "{row}", "rules": "/steward/rules?dataset=civil_facilities", "objections": "/objections", "objections_view": "/objections/1",
    "follow_up": "/follow-up", "follow_up_view": "/follow-up/1", "alerts": "/alerts", "audit": "/audit", "account": "/account",
    "data_docs": "/data-docs/index.html", "data_docs_newest": "/data-docs/newest/grid_grids/2026-01",
}  # fmt: skip
# Files, answers to scripts, and what only leads elsewhere; dbt's documents, the dictionary and signing in have tests of their own.
NO_DOCUMENTS = {
    "static", "/_reload-hash", "_dash_assets.static", "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    "/_dash-layout", "/_dash-dependencies", "/_favicon.ico", "healthz", "page_json", "list_flags", "export_table", "bulletin",
    "correction_sheet", "provider", "provider_answer", "dictionary", "models", "sign_in", "welcome",
}  # fmt: skip


def refused_row(home: Home) -> str:
    """The address of a refused row."""
    store = Store.of(home, read_only=True)
    batch_id, number = open_rows(home, store).select("batch_id", "row_number").row(0)
    store.close()
    return f"/steward/row/{batch_id}/{number}"


def work_on(home: Home, *, full_name: str, words: str) -> None:
    """An administrator, an objection, a task, a ticket with a note and a change of a rule, in these words."""
    store = Store.of(home)
    Accounts(store).add(Account(CHIEF, full_name, "administrator", agency="police"), TESTER)
    Accounts(store).set_password(CHIEF, SECRET, TESTER)
    with asking(home) as ask:
        contested = contested_of(ask, subjects_of(ask, _community(ask), "dispute_handling_rate", "month", None)[0])
        key, period = _missed(ask)
        flag = flag_of(ask, key, "month", period)
    Objections(store).open(Claim(contested, words, date(2099, 1, 1)), TESTER, date.today())
    FollowUp(store).open(flag, TESTER, date.today(), Assignment(date(2099, 1, 1), words, words[:60]))
    Tickets(store).assign(1, TESTER, date.today(), assignee=words[:60], due=None, note=words)
    change = RuleDraft("civil_facilities", "floor_area_m2.range", {"maximum": 50}, "2026-01", None, words)
    RuleChanges(store).propose(change, TESTER)
    store.close()


def _community(ask: Ask) -> str:
    query = "select unit_key from fct_kpi where kpi_id = 'dispute_handling_rate' and unit_level = 'community' order by 1 limit 1"
    return str(ask(query, ()).item())


def _missed(ask: Ask) -> tuple[Key, date]:
    unit, kpi, target, period = ask(
        "select unit_key, kpi_id, target_id, period from fct_flag where period_type = 'month' and unit_level = 'community'"
        " and status = 'missed' and certainty = 'confirmed' order by period desc, unit_key, kpi_id limit 1", (),
    ).row(0)  # fmt: skip
    return Key(unit, kpi, target), period
