"""The bulletin (通报): what a leader signs about a unit and a period, as Word, Excel and PDF.

    survey    figures of the unit, its parts and earlier periods
    chapters  what is said of them
    paper, book, pdf  how it is written

Figures, targets and shortfalls come from `facts.py` and are printed by `tell.py`, so they read as on the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dashboards.bulletin.book import to_xlsx
from dashboards.bulletin.chapters import Letterhead, compose
from dashboards.bulletin.paper import to_docx
from dashboards.bulletin.parts import Bulletin
from dashboards.bulletin.pdf import to_pdf
from dashboards.bulletin.survey import Survey
from dashboards.edition import EditionReader
from dashboards.facts import Facts
from dashboards.office import converter
from pipelines.county import load_county

WRITERS: dict[str, Callable[[Bulletin], bytes]] = {
    "docx": to_docx,
    "xlsx": to_xlsx,
    "pdf": lambda bulletin: to_pdf(to_docx(bulletin)),
}

__all__ = ["WRITERS", "Letterhead", "bulletin_files", "bulletin_of", "converter", "letterhead"]


def letterhead(county_file: Path, **given: Any) -> Letterhead:
    """What the county sets, with what is given for this bulletin (and is not None) in its place.

    Editions that are served apart from their data root have no county beside them.
    """
    of_county: dict[str, Any] = {}
    if county_file.exists():
        county = load_county(county_file)
        of_county = {**county.bulletin.model_dump(), "is_ranked": county.parameters.is_ranking_public}
    known = {**of_county, **{name: value for name, value in given.items() if value is not None}}
    return Letterhead(**{name: value for name, value in known.items() if value is not None})


def bulletin_of(
    facts: Facts, period: str | None = None, unit_code: str | None = None, head: Letterhead | None = None
) -> Bulletin:
    """The bulletin of a unit (default: the county) and a period (default: the latest closed month).

    NoSuchPage where the edition has no such unit or period; WarehouseError where the period cannot be read.
    """
    return compose(Survey(facts, period, unit_code), head or Letterhead())


def bulletin_files(
    published: Path, formats: Iterable[str], period: str | None, unit_code: str | None, head: Letterhead
) -> dict[str, bytes]:
    """File name → content, of the current edition, for each of the formats docx, xlsx and pdf."""
    bulletin = bulletin_of(Facts(EditionReader(published).current()), period, unit_code, head)
    return {f"{bulletin.stem}.{kind}": WRITERS[kind](bulletin) for kind in formats}
