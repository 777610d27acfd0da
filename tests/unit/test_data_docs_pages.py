"""Data Docs: what is on their pages, that these load nothing and are no way in for markup, and how long they stay."""

from __future__ import annotations

import json
import logging
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expectations.contract import SEVERITY_WORDS, load_contract
from expectations.data_docs import Run, _share, validation_result
from expectations.rules import file_rules
from pipelines import data_docs
from pipelines.cli import app
from pipelines.county import save_county
from pipelines.data_docs import (
    INDEX,
    KEPT_RUNS,
    NoDataDocs,
    newest_page,
    page_of_run,
    write_index,
    write_validation,
)
from pipelines.run import open_session, recorded
from pipelines.settings import Home
from tests.support.data_docs import COUNTY, DATASET, MONTHS, RUN, batches, write_docs

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>$zh ${content} {{7*7}}'
ADDRESSES = ("href", "src", "srcset", "action", "data", "poster")


class Markup(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def addresses(self) -> list[str]:
        return [value or "" for _, given in self.elements for name, value in given.items() if name in ADDRESSES]


def pages(home: Home) -> dict[Path, Markup]:
    return {path: Markup(path.read_text("utf-8")) for path in sorted(home.data_docs.rglob("*.html"))}


@pytest.fixture
def docs(home: Home) -> Home:
    write_docs(home)
    return home


def validation(home: Home) -> str:
    return newest_page(home, DATASET, MONTHS[0]).read_text("utf-8")


# --- what is on a page


def test_every_rule_is_told_in_both_languages_with_its_severity(docs: Home) -> None:
    text = " ".join(Markup(validation(docs)).text.split())
    rules = file_rules(load_contract(DATASET), sample=True)
    assert len(rules) > 10
    for rule in rules:
        assert f"{rule.zh} {rule.en}" in text and rule.id in text
        assert " ".join(SEVERITY_WORDS[rule.severity]) in text
    assert "expect_column_values_to_not_be_null" in text and "示例数据" in text


def test_counts_are_summed_and_told_by_supplier(docs: Home) -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", validation(docs), re.DOTALL)
    (missing,) = [row for row in rows if ">grid_code.required " in row]
    cells = [Markup(cell).text for cell in re.findall(r"<td>(.*?)</td>", missing, re.DOTALL)]
    # 3 of 1,000 and 40 of 300: 43 / 1,300 = 3.3077 %
    assert cells[0] == "不合格 failed" and cells[3:6] == ["1,300", "43", "3.31%"]
    assert "凤栖街道网格中心: 3 / 1,000" in cells[6] and "旧县镇网格中心: 40 / 300" in cells[6]
    assert sum("不合格 " in Markup(row).text for row in rows if "expect_" in row) == 2


def test_a_refused_batch_is_told(docs: Home) -> None:
    (refused,) = [row for row in re.findall(r"<tr>(.*?)</tr>", validation(docs), re.DOTALL) if "退回" in row]
    assert "旧县镇网格中心" in refused and "89abcdef0123456789abcdef" in refused


def test_the_index_and_the_run_count_failed_rules(docs: Home) -> None:
    run, index = page_of_run(docs, RUN).read_text("utf-8"), page_of_run(docs).read_text("utf-8")
    row = next(row for row in re.findall(r"<tr>(.*?)</tr>", run, re.DOTALL) if MONTHS[0] in row)
    cells = [Markup(cell).text for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]
    rules = len(file_rules(load_contract(DATASET), sample=True))
    assert cells[1:] == [MONTHS[0], "2", "1", "1,300", str(rules), "1", "1", "0"]
    assert [Markup(cell).text for cell in re.findall(r"<td>(.*?)</td>", index, re.DOTALL)] == ["网格 Grids", "2", "2"]
    assert "2026-07-12 09:30:00" in index  # in local time


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 10, "0%"), (10, 10, "100%"), (0, 0, "0%"), (1, 1_000_000, "0.01%"), (999_999, 1_000_000, "99.99%"), (1, 8, "12.50%")],
)
def test_a_share_is_nothing_or_all_only_where_it_is(part: int, whole: int, told: str) -> None:
    assert _share(part, whole) == told


def test_the_result_is_great_expectations_own_with_counts_alone() -> None:
    contract = load_contract(DATASET)
    result = validation_result(contract, MONTHS[0], batches(), Run(RUN, "2026-07-12 09:30:00", True))
    document = result.to_json_dict()
    assert document["statistics"]["unsuccessful_expectations"] == 2 and document["success"] is False
    kept = {name for one in document["results"] for name in one["result"]}
    assert kept == {"element_count", "unexpected_count", "unexpected_percent", "details"}
    assert "unexpected_list" not in json.dumps(document)


# --- what a browser does with it


def test_no_page_loads_or_leads_outside(docs: Home) -> None:
    """Every address is a file of the folder, or a place in the page."""
    looked_at = 0
    for path, page in pages(docs).items():
        assert {tag for tag, _ in page.elements} <= {
            "html", "head", "meta", "title", "link", "body", "p", "span", "nav", "a", "main", "h1", "h2", "label", "input",
            "div", "table", "thead", "tbody", "tr", "th", "td",
        }  # fmt: skip
        assert not [given for _, given in page.elements if any(name.startswith("on") or name == "style" for name in given)]
        for address in page.addresses:
            place, _, anchor = address.partition("#")
            assert address == "data:," or (path.parent / place).resolve().is_relative_to(docs.data_docs.resolve())
            assert address == "data:," or not place or (path.parent / place).is_file(), address
            assert not anchor or f'id="{anchor}"' in path.read_text("utf-8")
            looked_at += 1
    assert looked_at > 40
    assert not re.search(r"url\(|@import|//", (docs.data_docs / "data_docs.css").read_text("utf-8"))


def test_names_and_words_are_no_way_in_for_markup(docs: Home) -> None:
    contract = load_contract(DATASET)
    plain = pages(docs)
    shutil.rmtree(docs.data_docs)
    titles = {"title_zh": HOSTILE, "title_en": HOSTILE}
    changed = {
        **titles,
        "columns": tuple(column.model_copy(update=titles) for column in contract.columns),
        "rules": tuple(rule.model_copy(update={"zh": HOSTILE, "en": HOSTILE}) for rule in contract.rules),
    }
    write_docs(docs, contract=contract.model_copy(update=changed), supplier=HOSTILE)
    for path, page in pages(docs).items():
        # the same elements as with plain names, and the hostile ones are read as they are
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain[path].elements]
        assert HOSTILE in page.text


# --- how long pages stay, and where


def test_pages_are_for_nobody_else(docs: Home) -> None:
    assert [docs.data_docs.stat().st_mode & 0o777, (docs.data_docs / RUN).stat().st_mode & 0o777] == [0o700, 0o700]


def test_the_last_runs_are_kept_the_newest_first(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_docs, "KEPT_RUNS", 2)
    runs = [f"202607{day}T013000000000-ab12" for day in (10, 11, 12)]
    for run_id in runs:
        write_docs(home, run_id)
    assert sorted(path.name for path in home.data_docs.iterdir() if path.is_dir()) == runs[1:]
    index = page_of_run(home).read_text("utf-8")
    assert runs[0] not in index and index.index(runs[2]) < index.index(runs[1])
    assert newest_page(home, DATASET, MONTHS[0]).parent.name == runs[2]
    assert KEPT_RUNS == 24


def test_what_is_validated_twice_in_a_run_has_two_pages(docs: Home) -> None:
    write_docs(docs)
    names = sorted(path.name for path in (docs.data_docs / RUN).glob(f"{DATASET}-{MONTHS[0]}*"))
    assert names == [f"{DATASET}-{MONTHS[0]}.2.html", f"{DATASET}-{MONTHS[0]}.html"]
    assert newest_page(docs, DATASET, MONTHS[0]).name == names[0]
    assert all(name in page_of_run(docs).read_text("utf-8") for name in names)


def test_a_run_that_was_killed_is_listed_by_the_next_one(docs: Home) -> None:
    (docs.data_docs / RUN / INDEX).unlink()
    write_docs(docs, "20260713T013000000000-ab12")
    assert page_of_run(docs, RUN).is_file() and RUN in page_of_run(docs).read_text("utf-8")


def test_a_run_that_took_nothing_in_changes_nothing(docs: Home) -> None:
    before = page_of_run(docs).stat().st_mtime_ns
    write_index(docs, COUNTY, "20260713T013000000000-ab12")
    assert page_of_run(docs).stat().st_mtime_ns == before


def test_a_run_that_fails_leaves_its_pages_as_well(home: Home) -> None:
    home.root.mkdir()
    save_county(COUNTY, home.county_file)
    with pytest.raises(ZeroDivisionError), open_session(home) as session, recorded(session):
        write_validation(home, session.county, session.run_id, load_contract(DATASET), MONTHS[0], batches())
        raise ZeroDivisionError
    assert session.run_id in page_of_run(home).read_text("utf-8")
    assert "网格 " in page_of_run(home, session.run_id).read_text("utf-8")


def test_pages_that_cannot_be_written_end_no_run(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.root.mkdir()
    home.data_docs.write_text("in the way")
    with caplog.at_level(logging.ERROR):
        write_docs(home)
    assert [record.getMessage() for record in caplog.records] == ["Data Docs were not written: FileExistsError"] * 2


def test_what_is_not_kept_is_told(docs: Home) -> None:
    for ask in (lambda: page_of_run(docs, "1999"), lambda: newest_page(docs, DATASET, "1999-01"), lambda: newest_page(docs, "x", MONTHS[0])):
        with pytest.raises(NoDataDocs, match="warehouse run"):
            ask()


def test_the_command_says_where_they_are(docs: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(docs.root))
    told = CliRunner().invoke(app, ["data-docs", "--run", RUN[:8], "--json"])
    assert told.exit_code == 0 and json.loads(told.output) == {"files": [str(docs.data_docs / RUN / INDEX)]}
    assert str(docs.data_docs / INDEX) in CliRunner().invoke(app, ["data-docs"]).output.replace("\n", "")
    refused = CliRunner().invoke(app, ["data-docs", "--run", "2031"])
    assert isinstance(refused.exception, NoDataDocs)
