"""The bulletin and the documentation as the dashboards hand them out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from docx import Document
from flask.testing import FlaskClient
from support.edition import build_edition

from dashboards.bulletin import bulletin_of
from dashboards.downloads import HELP
from dashboards.edition import EditionReader
from dashboards.facts import Facts
from dashboards.server import Site, create_app


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the small edition and no county.yml beside it."""
    folder = tmp_path_factory.mktemp("home")
    build_edition(folder / "published")
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    made: FlaskClient = create_app(home / "published").server.test_client()
    return made


def test_the_bulletin_is_that_of_the_period_and_unit_asked_for(home: Path, client: FlaskClient) -> None:
    answer = client.get("/export/bulletin.docx?period=2026-05&unit=610629001&ranking=no")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="bulletin.docx"')
    texts = [paragraph.text for paragraph in Document(io.BytesIO(answer.data)).paragraphs]
    facts = Facts(EditionReader(home / "published").current())
    told = bulletin_of(facts, "2026-05", "610629001")
    assert "\n".join(told.title) in texts
    assert any("不排位次" in text for text in texts)


@pytest.mark.parametrize(("query", "title"), [("", "2026年6月"), ("?period_type=quarter", "季度"), ("?period_type=ytd", "1–6月")])
def test_without_choices_it_is_that_of_the_county_and_the_latest_period(client: FlaskClient, query: str, title: str) -> None:
    answer = client.get(f"/export/bulletin.docx{query}")
    texts = [paragraph.text for paragraph in Document(io.BytesIO(answer.data)).paragraphs]
    assert any(text.startswith("关于洛川县") and title in text for text in texts)


@pytest.mark.parametrize(
    "path",
    [
        "/export/bulletin.exe", "/export/bulletin.docx?unit=999999", "/export/bulletin.docx?period=2031-01", "/help/dbt",
        "/help/..%2f..%2fcounty.yml", "/help/elsewhere",
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_without_a_trace(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (200, 404)
    assert b"Traceback" not in answer.data and b"county_code" not in answer.data
    assert answer.status_code == 404 or b"react-entry-point" in answer.data


def test_help_is_shown_in_a_sandbox_that_can_ask_nothing(home: Path, client: FlaskClient) -> None:
    folder = home / "published" / "docs" / "dictionary"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!DOCTYPE html><title>字典</title>", encoding="utf-8")
    answer = client.get("/help/dictionary")
    assert "字典" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy and "connect-src" not in policy and "default-src 'none'" in policy
    assert "unsafe-inline" not in client.get("/healthz").headers["Content-Security-Policy"].split("style-src")[0]


def test_every_page_leads_to_the_bulletin_of_its_period_and_to_help(home: Path) -> None:
    shown = json.dumps(Site(home / "published").show("/data", "?period=2026-05").page)
    for address in ("/export/bulletin.docx?period=2026-05", "/export/bulletin.xlsx?period=2026-05", *HELP.values()):
        assert f'"{address}"' in shown
