"""The commands that write documents from an edition: bulletin, export, dictionary, questions."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import Json, progress
from pipelines.settings import Home
from pipelines.terminal import console, print_json

app = typer.Typer()
INDEX = "index.html"  # of a folder of the dashboards' help

Folder = Annotated[Path, typer.Option("--out", help="写到哪个文件夹 / folder to write into", file_okay=False)]
PeriodName = Annotated[str | None, typer.Option(help="期间：2026-06、2026-Q2、2026、2026-01~06 / period")]
EditionName = Annotated[str | None, typer.Option(help="版本编号或其开头，缺省为当前 / edition, default the current one")]


class Paper(StrEnum):
    """Formats of a bulletin."""

    docx = "docx"
    xlsx = "xlsx"
    pdf = "pdf"


@app.command(epilog="例 / example:  warehouse bulletin --period 2026-06 --office 县民政局 --no-ranking")
def bulletin(
    period: PeriodName = None,
    unit: Annotated[str | None, typer.Option(help="县或街道（镇）代码，缺省为县 / county or street, default the county")] = None,
    office: Annotated[str | None, typer.Option(help="发文机关，缺省见 county.yml / issuing office, default as county.yml says")] = None,
    number: Annotated[str | None, typer.Option(help="发文字号，缺省见 county.yml / number of the paper, default as county.yml says")] = None,
    signed: Annotated[str | None, typer.Option("--date", help="成文日期，缺省为判定日 / date, default the as-of day")] = None,
    ranking: Annotated[
        bool | None,
        typer.Option(help="是否公开排名，默认按 county.yml / whether units are ranked; default: as county.yml says"),
    ] = None,
    formats: Annotated[
        list[Paper] | None, typer.Option("--format", help="缺省为 docx、xlsx，装有 LibreOffice 时另有 pdf / formats")
    ] = None,
    out: Folder = Path(),
    as_json: Json = False,
) -> None:
    """写出通报：Word、Excel，装有 LibreOffice 时另有 PDF / write the bulletin."""
    # What people see lives in dashboards; the command line alone may reach up to it.
    from dashboards.bulletin import bulletin_files, converter, letterhead

    home = Home.from_environment()
    head = letterhead(home.county_file, office=office, number=number, signed=_day(signed), is_ranked=ranking)
    wanted = formats or [Paper.docx, Paper.xlsx, *([Paper.pdf] if converter() else [])]
    with progress() as on_progress:
        on_progress("通报 bulletin")
        files = bulletin_files(home.published, [str(kind) for kind in wanted], period, unit, head)
    _write(files, out, as_json)


class Format(StrEnum):
    """Formats of an export."""

    parquet = "parquet"
    csv = "csv"
    xlsx = "xlsx"


class Encoding(StrEnum):
    """Encodings of a CSV file: for Excel and everything new, and for old Chinese programs."""

    utf_8_sig = "utf-8-sig"
    gb18030 = "gb18030"


@app.command(
    epilog="例 / examples:  warehouse export fct_flag --period 2026-06 --format xlsx  ·  "
    "warehouse export \"select unit_code, count(*) as missed from fct_flag where status = 'missed' group by all\""
)
def export(
    what: Annotated[str, typer.Argument(help="表名，或一条 select 查询 / a table, or a query (select …)")],
    kind: Annotated[Format, typer.Option("--format", help="格式 / format")] = Format.csv,
    encoding: Annotated[Encoding, typer.Option(help="CSV 的编码 / encoding of CSV")] = Encoding.utf_8_sig,
    unit: Annotated[str | None, typer.Option(help="只要该单位及其下级 / this unit and those below it")] = None,
    period: PeriodName = None,
    edition: EditionName = None,
    name: Annotated[str | None, typer.Option(help="文件名中的报表名 / name of the report in the file name")] = None,
    out: Folder = Path(),
    as_json: Json = False,
) -> None:
    """导出版本中的一张表或一条查询的结果 / write a table of an edition, or a query's answer, to a file."""
    from pipelines.editions import current_edition, find_edition
    from pipelines.exports import Request
    from pipelines.exports import export as export_rows

    home = Home.from_environment()
    with progress() as on_progress:
        on_progress("导出 export")
        chosen = find_edition(home, edition) if edition else current_edition(home)
        file, content = export_rows(home, chosen, Request(what, unit, period, name), kind, encoding)
    _write({file: content}, out, as_json)


@app.command(epilog="例 / example:  warehouse dictionary --out docs")
def dictionary(edition: EditionName = None, out: Folder = Path(), as_json: Json = False) -> None:
    """写出数据字典（网页和 Excel）：表、栏、指标、目标、数据集及其来源 / write the data dictionary, HTML and Excel."""
    from pipelines.dictionary import WRITERS, file_name, read_dictionary
    from pipelines.editions import current_edition, find_edition

    home = Home.from_environment()
    read = read_dictionary(home, find_edition(home, edition) if edition else current_edition(home))
    _write({file_name(read, kind): write(read) for kind, write in WRITERS.items()}, out, as_json)


@app.command(epilog="例 / example:  warehouse docs")
def docs(as_json: Json = False) -> None:
    """写出看板“帮助”所指的数据字典和 dbt 文档，均不需网络 / write the dictionary and dbt's documentation for the dashboards."""
    from pipelines.dbt_docs import dbt_page
    from pipelines.dictionary import read_dictionary, to_html
    from pipelines.editions import current_edition

    home = Home.from_environment()
    with progress() as on_progress:
        on_progress("数据字典 dictionary")
        pages = {"dictionary": to_html(read_dictionary(home, current_edition(home)))}
        on_progress("dbt 文档 dbt documentation")
        pages["dbt"] = dbt_page(home)
    for name, page in pages.items():
        (home.docs / name).mkdir(parents=True, exist_ok=True)
        (home.docs / name / INDEX).write_bytes(page)
    _tell([home.docs / name / INDEX for name in pages], as_json)


@app.command(epilog="例 / examples:  warehouse data-docs  ·  warehouse data-docs --run 20261123T0321…")
def data_docs(
    run: Annotated[str | None, typer.Option(help="运行编号或其开头，缺省为全部运行的目录 / run or its beginning, default the index of runs")] = None,
    as_json: Json = False,
) -> None:
    """每次运行的数据校验文档（Great Expectations Data Docs）在哪里 / where the Data Docs of the last runs are."""
    from pipelines.data_docs import page_of_run

    _tell([page_of_run(Home.from_environment(), run)], as_json)


@app.command(epilog="例 / example:  warehouse questions --out docs")
def questions(edition: EditionName = None, out: Folder = Path(), as_json: Json = False) -> None:
    """二十个常见问题：查询和在本版本上的答案 / twenty questions with queries and their answers over an edition."""
    from pipelines.editions import current_edition, find_edition, open_edition
    from pipelines.questions import PAGE, render

    home = Home.from_environment()
    page = render(open_edition(home, find_edition(home, edition) if edition else current_edition(home)))
    _write({PAGE: page.encode("utf-8")}, out, as_json)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--date: {error}") from error


def _write(files: dict[str, bytes], folder: Path, as_json: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    _tell([folder / name for name in files], as_json)


def _tell(paths: list[Path], as_json: bool) -> None:
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        console.print(f"→ {path}", highlight=False, soft_wrap=True)
