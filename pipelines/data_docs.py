"""The Data Docs of this data root: a page for each validation and each run, and an index of the runs that are kept.

Belongs here: where pages are, when they are written, how long they stay. What is on them stands in `expectations/data_docs.py`,
which is imported only where Great Expectations has validated something in this process already.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.contract import Contract
from pipelines.county import County
from pipelines.errors import WarehouseError, Words
from pipelines.settings import SHANGHAI, Home

if TYPE_CHECKING:
    from expectations.data_docs import BatchCounts, Run
    from pipelines.ingest import Judged

KEPT_RUNS = 24
INDEX = "index.html"
STYLE_SHEET = "data_docs.css"
_VALIDATIONS = "validations.jsonl"  # of a run: a line for each of its pages

log = logging.getLogger(__name__)


class NoDataDocs(WarehouseError):
    """Nothing that was validated is kept under this name."""

    def __init__(self, where: str) -> None:
        super().__init__(
            Words("没有数据校验文档", "There are no Data Docs"),
            where=where,
            expected=Words(f"最近 {KEPT_RUNS} 次收取了文件的运行之一", f"one of the last {KEPT_RUNS} runs that took files in"),
            found=Words("没有这次校验的页面", "no page of such a validation"),
            advice=Words("从目录页查找，或先运行 warehouse run", "look in the index, or run: warehouse run"),
        )


def batches_of(judged: Iterable[Judged], county: County) -> list[BatchCounts]:
    """What was validated: also files that are refused for what was found; unreadable ones were not."""
    from expectations.data_docs import BatchCounts

    names = {supplier.id: supplier.name_zh for supplier in county.suppliers}
    return [
        BatchCounts(
            one.item.batch_id, names[one.item.file.slot.supplier_id], one.refusal is not None,
            one.item.kept.batch.height, dict(one.held.group_by("rule_id").len().iter_rows()),
        )
        for one in judged
        if one.item.kept is not None
    ]  # fmt: skip


def write_validation(
    home: Home, county: County, run_id: str, contract: Contract, month: str, batches: Sequence[BatchCounts]
) -> None:
    """Writes the page of one validation: all new batches of a dataset and month ('YYYY-MM')."""
    from expectations.data_docs import summary_of, validation_page, validation_result

    with _held_back_by_nothing():
        folder = _folder(home, run_id)
        run = _run(run_id, county)
        result = validation_result(contract, month, batches, run)
        name = _free_name(folder, f"{contract.dataset}-{month}")
        _replace(folder / name, validation_page(contract, batches, result, run))
        with (folder / _VALIDATIONS).open("a", encoding="utf-8") as lines:
            summary = summary_of(contract, month, name, batches, result)
            lines.write(json.dumps(asdict(summary), ensure_ascii=False) + "\n")


def write_index(home: Home, county: County, run_id: str) -> None:
    """Writes the page of a run that validated something, and the index; removes all but the last runs."""
    if not (home.data_docs / run_id).exists():
        return
    from expectations import data_docs

    with _held_back_by_nothing():
        for old in _runs(home)[KEPT_RUNS:]:
            shutil.rmtree(home.data_docs / old)
        runs = []
        for kept in _runs(home):
            run = _run(kept, county)
            summaries = [data_docs.Summary(**line) for line in _lines(home, kept)]
            runs.append((run, summaries))
            page = home.data_docs / kept / INDEX
            if kept == run_id or not page.exists():  # a run that was killed wrote none
                _replace(page, data_docs.run_page(run, summaries))
        _replace(home.data_docs / STYLE_SHEET, data_docs.STYLE_SHEET.read_text(encoding="utf-8"))
        _replace(home.data_docs / INDEX, data_docs.index_page(runs))


def page_of_run(home: Home, beginning: str | None = None) -> Path:
    """The page of the newest run whose id begins so, or the index of all. NoDataDocs where there is none."""
    folders = [home.data_docs] if beginning is None else [home.data_docs / run for run in _runs(home) if run.startswith(beginning)]
    page = next((folder / INDEX for folder in folders if (folder / INDEX).exists()), None)
    if page is None:
        raise NoDataDocs(beginning or home.data_docs.name)
    return page


def newest_page(home: Home, dataset: str, month: str) -> Path:
    """The page of the last validation of a dataset and month ('YYYY-MM'). NoDataDocs where there is none."""
    for run_id in _runs(home):
        pages = [str(line["page"]) for line in _lines(home, run_id) if (line["dataset"], line["month"]) == (dataset, month)]
        if pages:
            return home.data_docs / run_id / pages[-1]
    raise NoDataDocs(f"{dataset} {month}")


@contextmanager
def _held_back_by_nothing() -> Iterator[None]:
    """The ledger has every result: that its pages cannot be written must not end a run."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        log.error("Data Docs were not written: %s", type(error).__name__)


def _folder(home: Home, run_id: str) -> Path:
    """The folder of a run, for nobody else's eyes: pages name suppliers and what was wrong with their deliveries."""
    home.data_docs.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home.data_docs / run_id
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _runs(home: Home) -> list[str]:
    """The runs with pages, the newest first: run ids sort by time."""
    return sorted((path.parent.name for path in home.data_docs.glob(f"*/{_VALIDATIONS}")), reverse=True)


def _run(run_id: str, county: County) -> Run:
    from expectations.data_docs import Run

    started = datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return Run(run_id, f"{started.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}", county.sample)


def _lines(home: Home, run_id: str) -> list[dict[str, Any]]:
    text = (home.data_docs / run_id / _VALIDATIONS).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _free_name(folder: Path, stem: str) -> str:
    """A run may validate a dataset and month twice, where a slot got several files."""
    number = 1 + sum(path.name.startswith(f"{stem}.") for path in folder.iterdir())
    return f"{stem}.html" if number == 1 else f"{stem}.{number}.html"


def _replace(path: Path, text: str) -> None:
    """A whole page or the one before. The disk is not waited for: after a power cut the ledger still has all results."""
    draft = path.with_name(f".{path.name}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
