"""Data Docs: what Great Expectations found in each validation of a run, as pages that load nothing from outside.

Belongs here: the result document of a validation (counts and no values), and its pages. They are rendered by Great
Expectations' own renderers and view; page frame, style sheet, rows and words are ours, since its own frame loads thirteen
files from elsewhere, runs scripts, and is in English only.
Does not belong here: where pages are kept. Importing this module imports Great Expectations (2–3 s).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from great_expectations import __version__ as gx_version
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render import (
    RenderedDocumentContent,
    RenderedHeaderContent,
    RenderedSectionContent,
    RenderedStringTemplateContent,
    RenderedTableContent,
)
from great_expectations.render.renderer.column_section_renderer import ValidationResultsColumnSectionRenderer
from great_expectations.render.renderer.content_block import ValidationResultsTableContentBlockRenderer
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader

from expectations.contract import SEVERITY_WORDS, Contract
from expectations.rules import RuleSpec, file_rules
from expectations.suite import build_suite

VIEW = Path(__file__).parent / "data_docs_view"
STYLE_SHEET = VIEW / "data_docs.css"

# A wide table is moved by arrow keys as well.
TABLE_STYLING: dict[str, Any] = {"classes": ["table-responsive"], "attributes": {"tabindex": "0"}}

Words = tuple[str, str]  # Chinese, English

PASSED: Words = ("合格", "passed")
FAILED: Words = ("不合格", "failed")
INSIDE_FILES: Words = (
    "只有计数，没有任何值。此处为文件内的规则；跨文件的规则由 SQL 核对，结果见看板“数据情况”。",
    "Counts and no values. These are the rules inside files; rules across files are evaluated in SQL, see the state of the data.",
)


@dataclass(frozen=True)
class BatchCounts:
    """What became of one supplier's batch: rows held against every rule, and by rule id those that failed."""

    batch_id: str
    supplier: str
    is_refused: bool
    rows_checked: int
    rows_failed: Mapping[str, int]


@dataclass(frozen=True)
class Run:
    """A run as its pages name it; `started` is a local time that people read."""

    run_id: str
    started: str
    is_sample: bool


@dataclass(frozen=True)
class Summary:
    """One validation in a line: which page, how many rules, and how many of these failed, by severity."""

    dataset: str
    title_zh: str
    title_en: str
    month: str
    page: str
    suppliers: int
    suppliers_refused: int
    rows_checked: int
    rules: int
    rules_failed: dict[str, int]

    @property
    def failed(self) -> int:
        return sum(self.rules_failed.values())


# --- the result of a validation


def validation_result(
    contract: Contract, month: str, batches: Sequence[BatchCounts], run: Run
) -> ExpectationSuiteValidationResult:
    """Great Expectations' document of a validation: all batches of a dataset and month ('YYYY-MM') as one table.

    It holds what the rules demand and how many rows failed; never a value, nor a list of them.
    """
    rules = file_rules(contract, run.is_sample)
    results = [
        _rule_result(rule, configuration, batches)
        for rule, configuration in zip(rules, _configurations(contract.dataset, tuple(rules)), strict=True)
    ]
    passed = sum(result.success for result in results)
    return ExpectationSuiteValidationResult(
        success=passed == len(results),
        results=results,
        suite_name=contract.dataset,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100 * passed / len(results),
        },
        meta={
            "great_expectations_version": gx_version,
            "run_id": {"run_name": run.run_id, "run_time": run.started},
            "dataset": contract.dataset,
            "month": month,
        },
    )


@lru_cache(maxsize=64)
def _configurations(dataset: str, rules: tuple[RuleSpec, ...]) -> list[ExpectationConfiguration]:
    """The suite's expectations as documents name them, with the words of their rules."""
    configurations = []
    for rule, expectation in zip(rules, build_suite(dataset, rules).expectations, strict=True):
        configuration = expectation.configuration
        configuration.meta = {
            **configuration.meta, "columns": list(rule.columns), "severity": rule.severity, "zh": rule.zh, "en": rule.en,
        }  # fmt: skip
        configurations.append(configuration)
    return configurations


def _rule_result(
    rule: RuleSpec, configuration: ExpectationConfiguration, batches: Sequence[BatchCounts]
) -> ExpectationValidationResult:
    by_batch = [(one, one.rows_failed.get(rule.id, 0)) for one in batches]
    failed, checked = sum(count for _, count in by_batch), sum(one.rows_checked for one in batches)
    result = {
        "element_count": checked,
        "unexpected_count": failed,
        "unexpected_percent": 100 * failed / checked if checked else 0.0,
        "details": {
            "suppliers": [
                {"supplier": one.supplier, "element_count": one.rows_checked, "unexpected_count": count}
                for one, count in by_batch
                if count
            ]
        },
    }
    return ExpectationValidationResult(success=failed == 0, expectation_config=configuration, result=result)


def summary_of(
    contract: Contract, month: str, page: str, batches: Sequence[BatchCounts], result: ExpectationSuiteValidationResult
) -> Summary:
    """The line that stands for a validation where runs are listed. `page`: the name of its page."""
    failed = [one.expectation_config.meta["severity"] for one in result.results if not one.success]
    return Summary(
        contract.dataset, contract.title_zh, contract.title_en, month, page,
        len({one.supplier for one in batches}), len({one.supplier for one in batches if one.is_refused}),
        sum(one.rows_checked for one in batches),
        len(result.results), {severity: failed.count(severity) for severity in SEVERITY_WORDS},
    )  # fmt: skip


# --- pages


def validation_page(
    contract: Contract, batches: Sequence[BatchCounts], result: ExpectationSuiteValidationResult, run: Run
) -> str:
    """The page of one validation: every expectation with its words, rows checked and failed, and by supplier."""
    document = _ValidationPage(contract, batches, result.meta["month"]).render(result)
    trail = [("../index.html", "Data Docs"), ("index.html", run.started)]
    return _page(document, run.is_sample, trail, root="../", has_filter=True)


def run_page(run: Run, summaries: Sequence[Summary]) -> str:
    """The page of one run: a line for each validation, months in order."""
    head = [
        "数据集 dataset", "月份 month", "报送单位 suppliers", "退回 refused", "核对行 rows checked", "规则 rules",
        *map(" ".join, SEVERITY_WORDS.values()),
    ]  # fmt: skip
    rows = [
        [
            _link(one.page, (one.title_zh, one.title_en)), _text(one.month),
            *map(_number, (one.suppliers, one.suppliers_refused, one.rows_checked, one.rules)),
            *(_number(one.rules_failed[severity], is_marked=severity == "error") for severity in SEVERITY_WORDS),
        ]
        for one in sorted(summaries, key=lambda one: (one.month, one.dataset))
    ]  # fmt: skip
    section = _section(
        ("校验", "Validations"),
        _note(INSIDE_FILES),
        _note(("“隔离、重复、提示”为未通过的规则数。", "Quarantined, duplicate, warning: how many rules failed.")),
        _note(("运行编号", "run id"), run.run_id),
        _table(head, rows),
    )
    return _page(_document(f"运行 Run · {run.started}", section), run.is_sample, [("../index.html", "Data Docs")], root="../")


def index_page(runs: Sequence[tuple[Run, Sequence[Summary]]]) -> str:
    """The page of all runs that are kept, in the order given: how many rules failed by dataset and month."""
    about = _section(
        ("说明", "About"),
        _note(INSIDE_FILES),
        _note(("格中为未通过的规则数；空格表示该次运行没有该月的报送。", "Cells: how many rules failed; empty: nothing delivered for the month in that run.")),
    )
    sections = [
        _section((f"运行 {run.started}", "run"), _table(*_matrix(run, summaries)), href=f"{run.run_id}/index.html")
        for run, summaries in runs
    ]
    is_sample = any(run.is_sample for run, _ in runs)
    return _page(_document("Data Docs · 数据校验", about, *sections), is_sample, [], root="")


def _matrix(run: Run, summaries: Sequence[Summary]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table, dataset × month, of links to what was validated."""
    cells: dict[tuple[str, str], str] = defaultdict(str)
    for one in summaries:
        count = _number(one.failed, is_marked=one.rules_failed["error"] > 0)
        cells[one.dataset, one.month] += f'<a href="{escape(run.run_id)}/{escape(one.page)}">{count}</a>'
    months = sorted({one.month for one in summaries})
    titles = {one.dataset: (one.title_zh, one.title_en) for one in summaries}
    rows = [[_two(titles[dataset]), *(cells[dataset, month] for month in months)] for dataset in sorted(titles)]
    return ["数据集 dataset", *months], rows


class _Rows(ValidationResultsTableContentBlockRenderer):  # type: ignore[misc]
    """The table of expectations: what is demanded in both languages, and counts."""

    _default_content_block_styling: ClassVar[dict[str, Any]] = {**TABLE_STYLING, "classes": ["table-responsive", "expectations"]}

    @classmethod
    def _process_content_block(cls, content_block: Any, has_failed_evr: Any, render_object: Any = None) -> None:
        super()._process_content_block(content_block, has_failed_evr, render_object)
        content_block.header_row = [
            "状态 status", "规则 expectation", "级别 severity", "核对行 rows checked", "不合格行 failed", "占比 share",
            "报送单位 by supplier",
        ]  # fmt: skip

    @classmethod
    def _get_content_block_fn(cls, *_: Any, **__: Any) -> Any:
        return cls._row

    @classmethod
    def _row(cls, result: ExpectationValidationResult, **_: Any) -> list[list[str]]:
        rule, counts = result.expectation_config, result.result
        checked, failed = counts["element_count"], counts["unexpected_count"]
        suppliers = [
            f"{one['supplier']}: {one['unexpected_count']:,} / {one['element_count']:,}"
            for one in counts["details"]["suppliers"]
        ]
        return [
            [
                # Great Expectations' own name for what a filter puts out of sight
                _two(PASSED, "hide-succeeded-validation-target-child good") if result.success else _two(FAILED, "bad"),
                _two((rule.meta["zh"], rule.meta["en"])) + _text(f"{rule.meta['rule_id']} {rule.type}", "code"),
                _two(SEVERITY_WORDS[rule.meta["severity"]]),
                _number(checked),
                _number(failed, is_marked=True),
                _text(_share(failed, checked), "number"),
                "".join(_text(one, "supplier") for one in suppliers),
            ]
        ]


class _Section(ValidationResultsColumnSectionRenderer):  # type: ignore[misc]
    """The expectations on one column, or on rows as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self._table_renderer = _Rows

    def section(self, words: Words, results: list[ExpectationValidationResult]) -> RenderedSectionContent:
        _, table = self._render_table(results)
        return _section(words, table)


class _ValidationPage(ValidationResultsPageRenderer):  # type: ignore[misc]
    """The page of a validation, its sections in the order of the contract's columns."""

    def __init__(self, contract: Contract, batches: Sequence[BatchCounts], month: str) -> None:
        super().__init__(
            column_section_renderer={"class_name": _Section.__name__, "module_name": __name__}, run_info_at_end=True
        )
        self._contract, self._batches, self._month = contract, batches, month

    def _determine_page_title(self, *_: Any) -> str:
        return f"{self._contract.title_zh} {self._contract.title_en} · {self._month}"

    def _group_evrs_by_column_with_suite_meta(
        self, validation_results: ExpectationSuiteValidationResult, _: str
    ) -> dict[str, list[ExpectationValidationResult]]:
        """By the contract column that they are about; '' where that is not one."""
        groups: dict[str, list[ExpectationValidationResult]] = defaultdict(list)
        for result in validation_results.results:
            columns = result.expectation_config.meta["columns"]
            groups[columns[0] if len(columns) == 1 else ""].append(result)
        return groups

    def _title(self, name: str) -> Words:
        if not name:
            return "多栏与主键", "Several columns, and the key"
        column = self._contract.column(name)
        return column.title_zh, column.title_en

    def _collect_rendered_document_content_sections(
        self, validation_results: ExpectationSuiteValidationResult, overview: Any, _info: Any,
        columns: dict[str, list[ExpectationValidationResult]],
    ) -> list[RenderedSectionContent]:  # fmt: skip
        return [
            RenderedSectionContent(section_name="概况 Overview", content_blocks=[*overview, self._suppliers()]),
            *(self._column_section_renderer.section(self._title(name), results) for name, results in columns.items()),
            self._run_info(validation_results.meta),
        ]

    @classmethod
    def _render_validation_header(cls, validation_results: ExpectationSuiteValidationResult) -> RenderedHeaderContent:
        zh, en = PASSED if validation_results.success else FAILED
        return _heading((f"概况：{zh}", f"overview: {en}"))

    @classmethod
    def _render_validation_statistics(cls, validation_results: ExpectationSuiteValidationResult) -> RenderedTableContent:
        statistics = validation_results.statistics
        head = ["规则 rules", "合格 passed", "不合格 failed", "合格占比 share passed"]
        evaluated, passed = statistics["evaluated_expectations"], statistics["successful_expectations"]
        row = [*map(_number, (evaluated, passed, evaluated - passed)), _text(_share(passed, evaluated), "number")]
        return _table(head, [row])

    def _suppliers(self) -> RenderedTableContent:
        head = ["报送单位 supplier", "批次 batch", "结果 outcome", "核对行 rows checked", "未通过的规则 rules failed"]
        rows = [
            [
                _text(one.supplier),
                _text(one.batch_id, "code"),
                _two(("退回", "refused"), "bad") if one.is_refused else _two(("接收", "accepted")),
                _number(one.rows_checked),
                _number(sum(count > 0 for count in one.rows_failed.values()), is_marked=True),
            ]
            for one in self._batches
        ]
        return _table(head, rows)

    @staticmethod
    def _run_info(meta: Mapping[str, Any]) -> RenderedSectionContent:
        told = (
            (("数据集", "dataset"), meta["dataset"]),
            (("运行编号", "run id"), meta["run_id"]["run_name"]),
            (("运行时间", "run time"), meta["run_id"]["run_time"]),
            (("Great Expectations", "version"), meta["great_expectations_version"]),
        )
        return _section(("运行", "Run"), _note(INSIDE_FILES), *(_note(words, value) for words, value in told))


# --- pieces of markup; what stands in them is escaped here and nowhere else


def _text(text: str, look: str = "") -> str:
    """A text; `look` are classes."""
    return f'<span class="{look}">{escape(text)}</span>' if look else escape(text)


def _two(words: Words, look: str = "") -> str:
    zh, en = map(escape, words)
    return f'<span class="two {look}">{zh} <span class="en" lang="en">{en}</span></span>'


def _link(href: str, words: Words) -> str:
    """`href`: made of names of runs, datasets and months alone."""
    return f'<a href="{escape(href)}">{_two(words)}</a>'


def _number(value: int, *, is_marked: bool = False) -> str:
    """A count; a marked one stands out where it is not zero."""
    return _text(f"{value:,}", "number bad" if is_marked and value else "number")


# --- pieces of pages, of Great Expectations' own kinds


def _note(words: Words, value: str = "") -> RenderedStringTemplateContent:
    return _piece(f"{_two(words)} {_text(value, 'code')}", "p", "note")


def _heading(words: Words, href: str = "") -> RenderedHeaderContent:
    return RenderedHeaderContent(header=_piece(_link(href, words) if href else _two(words), "h2"))


def _piece(content: str, tag: str, look: str = "") -> RenderedStringTemplateContent:
    # The template of a piece is not escaped by its view; a $ in it would be a parameter.
    template = {"template": content.replace("$", "&#36;"), "tag": tag, "styling": {"classes": [look]}}
    return RenderedStringTemplateContent(string_template=template)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderedTableContent:
    return RenderedTableContent(header_row=list(head), table=[list(row) for row in rows], styling=TABLE_STYLING)


def _section(words: Words, *blocks: object, href: str = "") -> RenderedSectionContent:
    return RenderedSectionContent(section_name=" ".join(words), content_blocks=[_heading(words, href), *blocks])


def _document(title: str, *sections: RenderedSectionContent) -> RenderedDocumentContent:
    return RenderedDocumentContent(page_title=title, sections=list(sections))


def _share(part: int, whole: int) -> str:
    """A part of a whole as a percentage: 0% and 100% only where it is nothing and all."""
    if part in (0, whole):
        return "0%" if part == 0 else "100%"
    return f"{min(max(part / whole, 0.0001), 0.9999):.2%}"


@cache
def _view() -> DefaultJinjaPageView:
    """Great Expectations' page view; the frame and the table are ours."""
    view = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([FileSystemLoader(VIEW), view.env.loader])
    view.env.auto_reload = False  # else each of a page's pieces looks for a newer template
    return view


def _page(
    document: RenderedDocumentContent, is_sample: bool, trail: Sequence[tuple[str, str]], *, root: str, has_filter: bool = False
) -> str:
    """The whole page. `trail`: addresses and names of the pages above it; `root`: the way to the style sheet."""
    page: str = _view().render(document, is_sample=is_sample, trail=trail, root=root, has_filter=has_filter)
    return page
