"""What is kept is what would be made now: answers on the shelf, pages drawn ahead, and what pages show beside the edition."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from dashboards import components
from dashboards.address import Address, parse
from dashboards.ahead import MOST, likely
from dashboards.facts import Facts
from dashboards.server import Site, create_app
from dashboards.shelf import Shelf
from pipelines.follow_up import Actor, Key, Step
from pipelines.follow_up_edition import flag_of
from pipelines.follow_up_store import FollowUp
from pipelines.settings import Home
from pipelines.store import Store

JUNE = "?period=2026-06"
WANG = Actor("system_user", "wang")


@pytest.fixture
def site(published: Path) -> Site:
    return Site(published)


@pytest.fixture
def tasks(published: Path) -> Iterator[FollowUp]:
    store = Store.of(Home(published.parent))
    yield FollowUp(store)
    store.close()


def sent(site: Site, pathname: str, search: str = "") -> str:
    """A page as it is sent, with the tasks of this very moment."""
    site.tasks._known_until = 0.0
    return gzip.decompress(site.send(pathname, search)).decode()


def test_an_answer_is_made_once_for_all_processes_and_goes_with_its_edition(tmp_path: Path) -> None:
    made: list[str] = []

    def make(text: str) -> bytes:
        made.append(text)
        return text.encode()

    one, other = Shelf(tmp_path), Shelf(tmp_path)
    assert gzip.decompress(one.get("e1", ("page", 1), lambda: make("first"))) == b"first"
    assert gzip.decompress(one.get("e1", ("page", 1), lambda: make("again"))) == b"first"
    assert gzip.decompress(other.get("e1", ("page", 1), lambda: make("again"))) == b"first"
    assert gzip.decompress(other.get("e1", ("page", 2), lambda: make("second"))) == b"second"
    assert gzip.decompress(other.get("e2", ("page", 1), lambda: make("third"))) == b"third"
    assert made == ["first", "second", "third"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["e2"]


def test_a_folder_that_is_gone_costs_nothing_but_time(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "gone")
    assert gzip.decompress(shelf.get("e1", ("page",), lambda: b"made")) == b"made"


def test_pages_drawn_ahead_are_there_each_once_and_the_first_page_first(site: Site) -> None:
    facts = Facts(site.reader.current())
    drawn = list(likely(facts))
    assert drawn[0] == Address()
    assert len(set(drawn)) == len(drawn) < MOST
    assert {one.kpi_id for one in drawn if one.page == "kpi"} == set(facts.kpis)
    assert {one.unit_key for one in drawn if one.page == "unit"} == set(facts.units(date(2026, 6, 30)))
    for one in drawn:
        assert parse(one.path, one.query()) == one
        assert "没有这个页面" not in sent(site, one.path, one.query()), one


def test_a_page_shows_the_open_task_instead_of_offering_another(site: Site, tasks: FollowUp) -> None:
    edition = site.reader.current()
    [flag] = [one for one in Facts(edition).flags(Facts(edition).period(Address()), "community") if one.judgement.target][:1]
    one = flag.judgement
    assert one.target is not None
    unit, kpi = f"/unit/{one.unit_key}", f"/kpi/{one.kpi.kpi_id}"
    offered = f"target={one.target.target_id}"
    assert offered in sent(site, unit) and "督办 1 号" not in sent(site, unit) + sent(site, "/") + sent(site, kpi)

    task_id = tasks.open(flag_of(edition.frame, Key(one.unit_key, one.kpi.kpi_id, one.target.target_id)), WANG, date(2026, 7, 20))
    for pathname, search in ((unit, ""), ("/", ""), (kpi, "?level=community")):
        assert "督办 1 号 · 已发现" in sent(site, pathname, search), pathname
    rows = json.loads(gzip.decompress(site.flags("")))
    [row] = [row for row in rows if row["follow_up_href"] == "/follow-up/1"]
    assert row["follow_up"] == "督办 1 号 · 已发现"
    assert offered not in sent(site, f"{unit}").partition("督办 1 号")[0].rpartition("<tr")[2]

    tasks.step(task_id, Step("withdrawn", "重复"), WANG, date(2026, 7, 21))
    assert "督办 1 号" not in sent(site, unit) and offered in sent(site, unit)


def test_borders_are_taken_up_and_refused_without_a_restart(published: Path, site: Site) -> None:
    assert "示意图" in sent(site, "/", f"{JUNE}&view=map")
    path = published.parent / "reference" / "units.geojson"
    path.parent.mkdir()
    ring = [[109.0, 35.0], [109.1, 35.0], [109.1, 35.1], [109.0, 35.0]]
    feature = {
        "type": "Feature", "properties": {"unit_code": "610629001001"}, "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    assert "<path" in sent(site, "/", f"{JUNE}&view=map")
    path.write_text("{", encoding="utf-8")
    assert "单位边界文件不能使用" in sent(site, "/", f"{JUNE}&view=map")
    path.unlink()
    assert "示意图" in sent(site, "/", f"{JUNE}&view=map")


def test_pdf_is_offered_where_it_can_be_made_and_else_a_word_why_not(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "converter", lambda: "/usr/bin/soffice")
    assert "/bulletin.pdf" in sent(Site(published), "/")
    monkeypatch.setattr(components, "converter", lambda: None)
    without = sent(Site(published), "/", "?lang=en")
    assert "/bulletin.pdf" not in without and "LibreOffice is not installed" in without


def test_a_pdf_that_cannot_be_made_is_refused_in_words(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.bulletin.pdf.converter", lambda: None)
    answer = create_app(published).server.test_client().get(f"/bulletin.pdf{JUNE}")
    assert answer.status_code == 404 and "LibreOffice" in answer.text
