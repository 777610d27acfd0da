"""From an objection to its end: contested by a community user, answered by a steward, and shown beside what the next edition says."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from dashboards.access import Access
from dashboards.server import create_app
from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.follow_up_edition import asking
from pipelines.lake import batch_path
from pipelines.objection_edition import subjects_of
from pipelines.objection_store import Objections
from pipelines.settings import Home
from pipelines.store import Slot, Store
from pipelines.verify import verify
from tests.flow.test_follow_up_closing import KPI, deliver, missed_community

SECRET, HERE = "correct horse battery", "http://localhost"
SLOT = Slot("county_civil", "civil_facilities", "2026-03")


def test_what_a_community_contests_stands_beside_what_the_next_edition_says(
    published: Home, copy_of: Callable[[Home], Home]
) -> None:
    home = copy_of(published)
    with asking(home) as ask:
        unit = missed_community(ask)
        subject = subjects_of(ask, unit, KPI, "month", None)[0]
    store = Store.of(home)
    for name, role, area in (("community", "supplier", unit), ("steward", "steward", "")):
        Accounts(store).add(Account(name, "用户甲", role, area), Actor("system_user", "tester"))  # type: ignore[arg-type]
        Accounts(store).set_password(name, SECRET, Actor("system_user", "tester"))
    app = create_app(home.published, Access("sign-in")).server
    clients = {name: app.test_client() for name in ("community", "steward")}
    for name, client in clients.items():
        client.post("/sign-in", data={"name": name, "password": SECRET}, headers={"Origin": HERE})

    def send(name: str, path: str, **sent: str) -> int:
        token = re.search('name="token" value="([^"]+)"', clients[name].get("/account").text)
        assert token
        return clients[name].post(path, data={"token": token[1], **sent}, headers={"Origin": HERE}).status_code

    batches = {Slot.of(row): row["batch_id"] for row in store.current_batches()}
    row = pl.read_parquet(batch_path(home, SLOT, batches[SLOT]))["row_number"].min()
    about = f"/objections/new?unit={subject.unit_key}&kpi={KPI}&target={subject.target_id}&period={subject.period:%Y-%m}"
    named = f"{SLOT.supplier_id} {SLOT.dataset} {SLOT.period} "
    assert send("community", about, claim="面积少报", rows=f"{named} 999999") == 400
    assert send("community", about, claim="面积少报", rows=f"{named} {row}") == 303
    one = Objections(store).objection(1)
    assert [(rows.slot, rows.batch_id, rows.rows) for rows in one.claim.rows] == [(SLOT, batches[SLOT], (row,))]
    assert send("steward", "/objections/1", to="answered", outcome="upheld", answer="民政局更正后重报", seen="1") == 303
    assert "提出异议时，至今未变" in clients["community"].get("/objections/1").text

    said = one.claim.contested.said
    summary = deliver(home, unit, 5000)
    assert summary.publication is not None and summary.publication.edition_id != said.edition_id
    for client in clients.values():
        page = client.get("/objections/1").text
        assert "已变" in page and said.edition_id in page and summary.publication.edition_id in page
        shown = [float(re.sub("[^0-9.]", "", text)) for text in re.findall('class="big">([^<]+)<', page)]
        assert shown == [float(said.numerator or 0), 5000.0]
    assert Objections(store).objection(1).claim == one.claim
    assert send("community", "/objections/1", to="closed", seen="2") == 303
    assert [event.actor.name for event in Objections(store).events(1)] == ["community", "steward", "community"]
    store.close()
    assert verify(home).damages == []
