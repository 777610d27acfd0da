"""The server answers what it should, tells nothing when it fails, and stays on this machine."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access import UnsafeAccess, is_loopback
from dashboards.server import create_app, serve
from tests.support.answers import assert_tells_nothing
from tests.support.edition import build_edition

CALLBACK = "/_dash-update-component"


def page_at(viewer: FlaskClient, at: str) -> TestResponse:
    """What the browser asks for when a link is followed."""
    return viewer.get("/page.json", query_string={"at": at})


def test_a_page_comes_as_json(viewer: FlaskClient) -> None:
    answer = page_at(viewer, "/?lang=en")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["head"] == {"title": "洛川县 · June 2026", "lang": "en"}
    assert "4 of 12 communities miss a target" in answer.text


def test_every_answer_carries_the_security_headers(viewer: FlaskClient) -> None:
    for path in ("/", "/healthz", "/assets/pages.css", "/export/flags.csv", "/_dash-layout"):
        headers = viewer.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "http" not in policy and "*" not in policy
        assert "unsafe" not in policy.split("script-src")[1].split(";")[0]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_figures_are_not_kept_by_caches_and_libraries_are(viewer: FlaskClient) -> None:
    assert viewer.get("/").headers["Cache-Control"] == "no-store"
    assert page_at(viewer, "/").headers["Cache-Control"] == "no-store"
    script = re.search(r'src="(/_dash-component-suites/[^"]*react-dom[^"]*)"', viewer.get("/").text)
    assert script
    assert "immutable" in viewer.get(script[1]).headers["Cache-Control"]


def test_the_start_page_names_no_other_host_and_no_details_of_the_machine(viewer: FlaskClient) -> None:
    text = viewer.get("/").text
    assert re.findall(r"https?:", text.replace("\\u002f", "/")) == []
    assert "python_version" not in text
    assert 'lang="zh-Hans"' in text


def test_health_tells_the_edition_and_fails_without_one(viewer: FlaskClient, tmp_path: Path) -> None:
    assert viewer.get("/healthz").json == {"status": "ok", "edition_id": "2026-07-15-001"}
    empty = create_app(tmp_path).server.test_client().get("/healthz")
    assert empty.status_code == 503
    assert empty.json == {"status": "unavailable", "reason": "No edition has been published yet"}


def test_health_fails_when_the_pointer_breaks_while_pages_stay(tmp_path: Path) -> None:
    build_edition(tmp_path)
    viewer = create_app(tmp_path).server.test_client()
    assert viewer.get("/healthz").status_code == 200
    (tmp_path / "warehouse.duckdb").unlink()
    assert viewer.get("/healthz").status_code == 503
    assert page_at(viewer, "/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", ""])
def test_a_request_for_another_host_is_refused(viewer: FlaskClient, host: str) -> None:
    assert viewer.get("/healthz", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8050", "[::1]:8050"])
def test_requests_for_this_machine_are_answered(viewer: FlaskClient, host: str) -> None:
    assert viewer.get("/healthz", headers={"Host": host}).status_code == 200


def test_the_csv_is_a_download_with_a_chinese_name(viewer: FlaskClient) -> None:
    answer = viewer.get("/export/flags.csv?period=2026-06&lang=zh")
    assert answer.mimetype == "text/csv"
    assert "filename*=UTF-8''%E6%B4%9B" in answer.headers["Content-Disposition"]
    assert viewer.get("/export/flags.csv?period=nonsense").status_code == 404


def test_the_rows_of_the_list_come_by_a_request_of_their_own(viewer: FlaskClient) -> None:
    answer = viewer.get("/list/flags.json?period=2026-06&domain=safety")
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    rows = answer.json
    assert isinstance(rows, list)
    assert {row["domain"] for row in rows} == {"平安与网格"}
    assert viewer.get("/list/flags.json?domain=safety&period=2026-06").data == answer.data
    for search in ("period=nonsense", "domain=weather", "pack=%27", "period=1999-01"):
        refused = viewer.get(f"/list/flags.json?{search}")
        assert refused.status_code == 404
        assert_tells_nothing(refused.text)


STRANGE = (
    "", "/", "?", "?lang=en", "x" * 5000, "\x00", "/unit/%00", "/unit/' or 1=1 --", "?period=2026-06'", "?period_type[]=month",
    "%ud800", "//evil.example/", "/page.json?at=/", "?at=/&lang=en", "#list",
)  # fmt: skip


@pytest.mark.parametrize("pathname", STRANGE, ids=repr)
@pytest.mark.parametrize("search", ["", "?period=2026-06", "?unit_key=x", "?period[]="], ids=repr)
def test_confused_addresses_give_a_page_in_words(viewer: FlaskClient, pathname: str, search: str) -> None:
    answer = page_at(viewer, pathname + search)
    assert answer.status_code == 200
    assert_tells_nothing(answer.text)


def test_the_server_runs_no_callbacks(viewer: FlaskClient) -> None:
    body = {
        "output": "..page.children...head.data..",
        "outputs": [{"id": "page", "property": "children"}, {"id": "head", "property": "data"}],
        "inputs": [{"id": "url", "property": name, "value": "/"} for name in ("pathname", "search")],
        "changedPropIds": ["url.pathname"],
    }
    for sent in (body, {"output": "page.children"}, {}):
        assert viewer.post(CALLBACK, json=sent).status_code == 400


def test_a_failure_is_shown_without_any_of_it(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dashboards.server

    def fail(*_: object) -> None:
        raise RuntimeError("the secret 610629199001011234 of /srv/warehouse")

    monkeypatch.setitem(dashboards.server.PAGES, "overview", fail)
    answer = page_at(create_app(shown).server.test_client(), "/")
    assert answer.status_code == 200
    assert "页面出错了" in answer.text
    assert "610629199001011234" not in answer.text and "RuntimeError" not in answer.text


def test_serving_beyond_this_machine_is_refused(shown: Path) -> None:
    with pytest.raises(UnsafeAccess, match="without sign-in"):
        serve(shown, host="0.0.0.0")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.8", False),
        ("x.test", False),
    ],
)
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_first_answer_shows_the_page_before_any_library(viewer: FlaskClient) -> None:
    answer = viewer.get("/?lang=en&period=2026-06")
    head, _, body = answer.text.partition("<body>")
    assert '<html lang="en">' in head and "<title>洛川县 · June 2026</title>" in head
    first = body.partition('<div id="react-entry-point">')[0]
    assert "4 of 12 communities miss a target" in first
    assert 'class="matrix' in first and "<script" not in first
    assert all("defer" in script for script in re.findall(r"<script[^>]*src=[^>]*>", answer.text))


def test_an_address_that_is_not_there_is_told_in_the_first_answer(viewer: FlaskClient) -> None:
    assert "没有这个页面" in viewer.get("/nowhere").text
    assert_tells_nothing(viewer.get("/unit/%00?period=1999-01").text)


def test_answers_are_compressed_for_who_takes_them_so(viewer: FlaskClient) -> None:
    plain = viewer.get("/?period=2026-06")
    packed = viewer.get("/?period=2026-06", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
    told = gzip.decompress(packed.data).decode()
    assert len(packed.data) < len(told) / 3
    assert "4 个有指标未达标" in told
    script = re.search(r'src="(/_dash-component-suites/[^"]*react-dom[^"]*)"', plain.text)
    assert script
    library = viewer.get(script[1], headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(library.data) == viewer.get(script[1]).data
    assert "immutable" in library.headers["Cache-Control"]
