"""A signed-in county: accounts of every role over the small edition, and how their browsers ask and send."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import duckdb
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pipelines.account_store import Accounts
from pipelines.accounts import ROLES, Account
from pipelines.actor import Actor
from pipelines.county import County, save_county
from pipelines.follow_up import Assignment, Key
from pipelines.follow_up_edition import asking, flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.objection_edition import contested_of, subjects_of
from pipelines.objection_store import Objections
from pipelines.objections import Claim
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.edition import build_edition

SECRET = "correct horse battery"
CLI = Actor("system_user", "tester")
HERE = "http://localhost"
BROWSER = {"Accept": "text/html,*/*"}
AREA = "610629001001"
OWN, OTHER = f"{AREA}@2016-01-01", "610629001002@2016-01-01"
IDENTITIES = ("none", *ROLES)
COUNTY = {
    "county_code": "610629", "name_zh": "洛川县", "sample": True, "first_period": "2026-01",
    "suppliers": [{"id": "grid_a", "name_zh": "甲网格中心", "covers": [AREA]}],
    "expected": [{"dataset": "grid_grids", "suppliers": ["grid_a"], "due_day": 5}],
}  # fmt: skip


def build_doors(home: Path) -> Path:
    """The small edition in a data root with an account of every role, of which the supplier is limited to an area."""
    build_edition(home / "published")
    save_county(County.model_validate(COUNTY), Home(home).county_file)
    add_accounts(Home(home))
    return home / "published"


def add_accounts(home: Home) -> None:
    """An account of every role, of which the supplier is limited to an area."""
    with closing(Store.of(home)) as store:
        accounts = Accounts(store)
        for role in ROLES:
            accounts.add(Account(role, f"{ROLES[role].zh}甲", role, AREA if role == "supplier" else ""), CLI)
            accounts.set_password(role, SECRET, CLI)


def signed_in(app: Dash) -> dict[str, FlaskClient]:
    """A browser of every identity."""
    made = {name: app.server.test_client() for name in IDENTITIES}
    for role in ROLES:
        assert sign_in(made[role], role).status_code == 303
    return made


def sign_in(client: FlaskClient, name: str, password: str = SECRET, to: str = "", **headers: str) -> TestResponse:
    sent = {"name": name, "password": password, "next": to}
    return client.post("/sign-in", data=sent, headers={"Origin": HERE, **headers})


def token_of(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/account").text)
    assert found
    return found[1]


def call(client: FlaskClient, pathname: str, search: str = "") -> TestResponse:
    """What scripts ask of the server for a page."""
    return client.get("/page.json", query_string={"at": pathname + search}, headers={"Accept": "application/json"})


def task_about(published: Path, tasks: FollowUp, unit: str) -> int:
    """A task about the first missed target of a unit, assigned."""
    missed = next(one for one in confirmed_misses(published) if one["unit_key"] == unit)
    with asking(Home(published.parent)) as ask:
        flag = flag_of(ask, Key(**missed), "month", date(2026, 6, 1))
    due = Assignment(date.today() + timedelta(days=30), "限期整改")
    return tasks.open(flag, CLI, date.today(), due)


def confirmed_misses(published: Path) -> list[dict[str, str]]:
    """Confirmed misses of communities in June: unit, KPI and target."""
    with duckdb.connect(str((published / "warehouse.duckdb").resolve()), read_only=True) as connection:
        rows = connection.execute(
            "select unit_key, kpi_id, target_id from fct_flag where period_type = 'month' and period = '2026-06-01'"
            " and unit_level = 'community' and status = 'missed' and certainty = 'confirmed' order by all"
        ).fetchall()
    return [dict(zip(("unit_key", "kpi_id", "target_id"), row, strict=True)) for row in rows]


def missed_units(published: Path) -> list[str]:
    return sorted({one["unit_key"] for one in confirmed_misses(published)})


def contested_figure(published: Path, unit: str) -> str:
    """The address at which a figure of a unit is contested."""
    with asking(Home(published.parent)) as ask:
        (subject, *_) = subjects_of(ask, unit, "dispute_handling_rate", "month", date(2026, 6, 1))
    return f"/objections/new?unit={subject.unit_key}&kpi={subject.kpi_id}&target={subject.target_id}&period=2026-06"


def open_objection(published: Path, objections: Objections) -> int:
    """An objection to a figure of the supplier's own unit."""
    with asking(Home(published.parent)) as ask:
        contested = contested_of(ask, subjects_of(ask, OWN, "dispute_handling_rate", "month", date(2026, 2, 1))[0])
    return objections.open(Claim(contested, "少计一件", date(2099, 1, 1)), Actor("user", "supplier"), date.today())
