"""What the dashboards hand out besides pages and lists: the bulletin, and the documentation that help leads to.

Belongs here: their routes. What stands in them is made elsewhere (`bulletin/`, `warehouse docs`).
"""

from __future__ import annotations

from urllib.parse import quote

from flask import Flask, Response, request

from dashboards.address import NoSuchPage, parse
from dashboards.bulletin import WRITERS, bulletin_of, letterhead
from dashboards.edition import EditionReader
from dashboards.facts import Facts
from dashboards.words import period_short
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

BULLETIN = "/export/bulletin"
HELP = {"dictionary": "/help/dictionary", "dbt": "/help/dbt"}
TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
# These pages bring their scripts with them. In a sandbox they belong to no site and can ask nothing of this one.
SEALED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data:; font-src data:; frame-ancestors 'none'"
)


def add_downloads(server: Flask, reader: EditionReader) -> None:
    """Adds /export/bulletin.docx, .xlsx and .pdf, and /help/dictionary and /help/dbt."""
    home = Home(reader.pointer.parent.parent)

    def save_bulletin(kind: str) -> Response:
        """Of the period of the query and `unit`, the code of a county or street; `ranking=no` leaves places out."""
        try:
            if kind not in WRITERS:
                raise _no_format(kind)
            edition, _ = reader.current_or_last()
            address = parse("/", request.query_string.decode("ascii", "replace"))
            facts = Facts(edition)
            period = facts.period(address)
            head = letterhead(home.county_file, is_ranked=request.args.get("ranking") != "no")
            name = period_short(period.period_type, period.first)
            bulletin = bulletin_of(facts, name, request.args.get("unit"), head)
            content = WRITERS[kind](bulletin)
        except WarehouseError as error:
            return _refused(error)
        disposition = f"attachment; filename=\"bulletin.{kind}\"; filename*=UTF-8''{quote(f'{bulletin.stem}.{kind}')}"
        return Response(content, mimetype=TYPES[kind], headers={"Content-Disposition": disposition})

    def show_help(name: str) -> Response:
        path = home.docs / name / "index.html"
        if name not in HELP or not path.exists():
            return _refused(_not_written())
        return Response(path.read_bytes(), mimetype="text/html", headers={"Content-Security-Policy": SEALED})

    server.add_url_rule(f"{BULLETIN}.<kind>", "export_bulletin", save_bulletin, methods=["GET"])
    server.add_url_rule("/help/<name>", "help", show_help, methods=["GET"])


def _refused(error: WarehouseError) -> Response:
    return Response(f"{error.zh}\n{error.en}\n", status=404, mimetype="text/plain")


def _no_format(kind: str) -> NoSuchPage:
    return NoSuchPage(
        Words("没有这种格式的通报", "There is no bulletin in this format"),
        where=BULLETIN,
        expected=Words("、".join(WRITERS), ", ".join(WRITERS)),
        found=Words("其他格式", "another format") if len(kind) > 8 else Words(kind, kind),
        advice=Words("改用 .docx", "take .docx"),
    )


def _not_written() -> NoSuchPage:
    return NoSuchPage(
        Words("帮助文档尚未生成", "The documentation has not been written yet"),
        where="/help",
        expected=Words("、".join(HELP), ", ".join(HELP)),
        found=Words("没有这一页", "no such page"),
        advice=Words("运行 warehouse docs", "run: warehouse docs"),
    )
