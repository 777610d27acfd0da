"""Every document that the application has breaks no rule of WCAG 2.1 A and AA and fits its screen, at a desk and on a phone.

Over a county that was really run, with an objection, a task, a decision and a change of a rule in it, as an administrator sees it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.follow_up import Key
from pipelines.follow_up_edition import Ask, asking, flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim
from pipelines.settings import Home
from pipelines.stewardship.open_rows import open_rows
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import RuleDraft
from pipelines.store import Store
from tests.support.browser import Served, Watched, broken_rules, serve

pytestmark = pytest.mark.browser

Visit = Callable[..., Watched]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
SEEN = (("desktop", "zh"), ("phone", "zh"), ("phone", "en"))
SECRET = "correct horse battery"
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
    "correction_sheet", "provider", "provider_answer", "dictionary", "models",
    "sign_in", "welcome",
}  # fmt: skip


@pytest.fixture(scope="module")
def row(settled: Path) -> str:
    """The address of a refused row."""
    store = Store.of(Home(settled), read_only=True)
    batch_id, number = open_rows(Home(settled), store).select("batch_id", "row_number").row(0)
    store.close()
    return f"/steward/row/{batch_id}/{number}"


@pytest.fixture(scope="module")
def worked_on(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The county with something on every page, served with sign-in."""
    root = tmp_path_factory.mktemp("worked") / "data"
    shutil.copytree(settled, root, symlinks=True)
    store = Store.of(Home(root))
    Accounts(store).add(Account("chief", "管理员甲", "administrator", agency="police"), TESTER)
    Accounts(store).set_password("chief", SECRET, TESTER)
    with asking(Home(root)) as ask:
        subject = subjects_of(ask, _community(ask), "dispute_handling_rate", "month", None)[0]
        contested = contested_of(ask, subject)
        key, period = _missed(ask)
        flag = flag_of(ask, key, "month", period)
    Objections(store).open(Claim(contested, "有两件已办结，未计入", date(2099, 1, 1)), TESTER, date.today())
    FollowUp(store).open(flag, TESTER, date.today())
    change = {"maximum": 50}
    RuleChanges(store).propose(RuleDraft("civil_facilities", "floor_area_m2.range", change, "2026-01", None, "只计小型用房"), TESTER)
    store.close()
    yield from serve(root, WAREHOUSE_ACCESS="sign-in")


def _community(ask: Ask) -> str:
    query = "select unit_key from fct_kpi where kpi_id = 'dispute_handling_rate' and unit_level = 'community' order by all limit 1"
    return str(ask(query, ()).item())


def _missed(ask: Ask) -> tuple[Key, date]:
    unit, kpi, target, period = ask(
        "select unit_key, kpi_id, target_id, period from fct_flag where period_type = 'month' and unit_level = 'community'"
        " and status = 'missed' and certainty = 'confirmed' order by period desc, unit_key, kpi_id limit 1", (),
    ).row(0)  # fmt: skip
    return Key(unit, kpi, target), period


def test_every_route_is_known_as_a_document_or_as_none(settled: Path) -> None:
    rules = create_app(settled / "published", Access("sign-in")).server.url_map.iter_rules()
    assert {rule.endpoint for rule in rules if "GET" in (rule.methods or ())} == DOCUMENTS.keys() | NO_DOCUMENTS


@pytest.mark.parametrize(("size", "lang"), SEEN)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_breaks_no_rule_and_fits_its_screen(
    worked_on: Served, visit: Visit, row: str, name: str, size: str, lang: str
) -> None:
    watched = visit(worked_on, *SIZES[size])
    _sign_in(watched)
    address = DOCUMENTS[name].format(row=row)
    if lang == "en":
        address += f"{'&' if '?' in address else '?'}lang=en"
    page = watched.page
    page.goto(worked_on.base + address)
    page.wait_for_selector("h1")
    watched.picture(f"every-{name.strip('/<>:') or 'overview'}-{size}-{lang}".replace("<path:path", "page"), whole=True)
    assert broken_rules(watched) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    if not name.startswith("data_docs"):  # in both languages at once
        assert (page.locator("html").get_attribute("lang") or "").startswith(lang)


def _sign_in(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}/account")
    if watched.page.url.endswith("/account"):
        return  # by an earlier test, in the same profile
    watched.page.fill("input[name=name]", "chief")
    watched.page.fill("input[name=password]", SECRET)
    watched.page.click("form.step-form button")
    watched.page.wait_for_url("**/account")
