"""Names that try to be markup, script or formulas, wherever people give them, through every document and file of the pages.

Units, the county, suppliers, delivered files, accounts, and what people write into objections, tasks, tickets and changes of rules.
Mail is held to the same in `test_alert_sending.py`, Data Docs in `test_data_docs_pages.py`.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from dataclasses import dataclass
from html.parser import HTMLParser

import duckdb
import openpyxl
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from markupsafe import escape

from dashboards.access import Access
from dashboards.export import TABLES
from dashboards.server import create_app
from pipelines.alert_causes import Look
from pipelines.alert_digest import digest_of
from pipelines.alert_store import Alerts
from pipelines.alert_watch import check
from pipelines.county import County, load_county, save_county
from pipelines.settings import Home
from pipelines.store import Store, delivery
from tests.flow.conftest import AS_OF
from tests.support.documents import CHIEF, DOCUMENTS, NO_DOCUMENTS, SECRET, refused_row, work_on

HERE = "http://localhost"
SCRIPT = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{7*7}}"
FORMULA = '=cmd|"/c calc"!A0'
OF_A_KPI = "?page=kpi&kpi=dispute_handling_rate"
# Signs with which a spreadsheet lets a formula begin; a minus may begin a number.
BEGINS_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9.]+$)")


@dataclass(frozen=True)
class Named:
    """A county whose names are hostile."""

    home: Home
    county: County
    row: str
    unit: str  # the key of the county


@pytest.fixture(scope="module")
def named(published: Home, tmp_path_factory: pytest.TempPathFactory) -> Named:
    home = Home(tmp_path_factory.mktemp("hostile") / "data")
    shutil.copytree(published.root, home.root, symlinks=True)
    row = refused_row(home)
    with duckdb.connect(str(home.pointer.resolve())) as edition:
        edition.execute("update dim_unit set unit_name = case when unit_level = 'community' then ? else ? end", [FORMULA, SCRIPT])
        edition.execute("update edition set county_name = ?", [SCRIPT])
        (unit,) = edition.execute("select unit_key from dim_unit where unit_level = 'county'").fetchall()[0]
    county = load_county(home.county_file)
    suppliers = tuple(one.model_copy(update={"name_zh": SCRIPT}) for one in county.suppliers)
    county = county.model_copy(update={"name_zh": SCRIPT, "suppliers": suppliers})
    home.county_file.unlink()
    save_county(county, home.county_file)
    work_on(home, full_name=SCRIPT[:60], words=SCRIPT)
    store = Store.of(home)
    with store.transaction() as connection:
        connection.execute(sa.update(delivery).values(file_name=f"{SCRIPT}.csv"))
    check(Look(home, county, store, AS_OF))
    store.close()
    return Named(home, county, row, unit)


@pytest.fixture(scope="module")
def client(named: Named) -> FlaskClient:
    made: FlaskClient = create_app(named.home.published, Access("sign-in")).server.test_client()
    assert made.post("/sign-in", data={"name": CHIEF, "password": SECRET}, headers={"Origin": HERE}).status_code == 303
    return made


class Elements(HTMLParser):
    """What a browser would make of a page: which scripts, pictures and handlers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.foreign: list[str] = []
        self._is_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_script = tag == "script"
        known = dict(attrs)
        if any(name.startswith("on") for name in known) or known.get("src") == "x" or (known.get("href") or "").startswith("javascript:"):
            self.foreign.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._is_script = False

    def handle_data(self, data: str) -> None:
        if self._is_script and data.strip():
            self.scripts.append(data)


def test_every_route_is_asked_here_or_answers_with_no_document(client: FlaskClient) -> None:
    rules = client.application.url_map.iter_rules()
    assert {rule.endpoint for rule in rules if "GET" in (rule.methods or ())} == DOCUMENTS.keys() | NO_DOCUMENTS


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_takes_a_name_for_markup(client: FlaskClient, named: Named, name: str, lang: str) -> None:
    address = DOCUMENTS[name].format(row=named.row)
    page = client.get(f"{address}{'&' if '?' in address else '?'}lang={lang}", headers={"Accept": "text/html"}, follow_redirects=True).text
    found = Elements(page)
    assert found.foreign == [] and not any("alert(" in script for script in found.scripts)
    assert "'49" not in page and "&#39;49" not in page
    if not name.startswith("data_docs"):  # which are of the run before, and served as they were written
        assert str(escape(SCRIPT[:60])) in page or str(escape(SCRIPT[:20])) in page  # or nothing would have been tried


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("table", TABLES)
def test_no_file_takes_a_name_for_a_formula(client: FlaskClient, named: Named, table: str, kind: str) -> None:
    about = {"profile": f"?page=unit&unit={named.unit}", "ranking": OF_A_KPI, "targets": OF_A_KPI}
    answer = client.get(f"/export/{table}.{kind}{about.get(table, '')}")
    assert answer.status_code == 200
    if kind == "csv":
        cells = [cell for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))) for cell in row]
        assert [cell for cell in cells if BEGINS_FORMULA.match(cell)] == []
    else:
        assert formulas(answer.data) == []


def test_the_files_hold_the_names(client: FlaskClient) -> None:
    """As text, or nothing would have been tried."""
    cells = client.get("/export/figures.csv").data.decode("utf-8-sig")
    assert "'=cmd|" in cells
    assert any(FORMULA in str(cell) for cell in texts(client.get("/export/figures.xlsx").data))


def test_papers_and_correction_sheets_hold_no_formula(client: FlaskClient) -> None:
    assert formulas(client.get("/bulletin.xlsx").data) == []
    assert client.get("/bulletin.docx").status_code == 200
    sheets = [
        href
        for number in range(1, 30)
        for href in re.findall(r'href="(/steward/ticket/[0-9]+/[0-9-]+\.xlsx)', client.get(f"/steward/ticket/{number}").text)
    ]
    assert len(sheets) > 3
    for href in sheets[:6]:
        answer = client.get(href)
        assert formulas(answer.data) == [] and "\n" not in answer.headers["Content-Disposition"]


def test_what_alerts_say_is_text(named: Named) -> None:
    store = Store.of(named.home)
    alerts = Alerts(store).all(is_open=True)
    store.close()
    assert any(SCRIPT in one.cause.said.zh for one in alerts)
    told = digest_of(named.county, alerts, alerts)
    assert Elements(told.html()).foreign == [] and "<script" not in told.html()
    assert "<script>alert(1)" in told.text()


def texts(workbook: bytes) -> list[object]:
    return [cell.value for sheet in openpyxl.load_workbook(io.BytesIO(workbook)) for row in sheet.iter_rows() for cell in row]


def formulas(workbook: bytes) -> list[object]:
    sheets = openpyxl.load_workbook(io.BytesIO(workbook))
    return [cell.value for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f" or cell.hyperlink]
