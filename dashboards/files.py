"""What can be fetched besides pages: tables, the bulletin, the data dictionary, the documentation of the models.

Belongs here: routes and their limits. A file is made on request, few at a time, and kept while its edition is current.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote

from flask import Flask, Response, request, send_from_directory

from dashboards.address import Address, parse_file
from dashboards.edition import Edition, EditionReader
from dashboards.facts import Facts
from dashboards.history import account_stamp, home_of
from dashboards.security import DOCUMENT_POLICY
from dashboards.words import period_short
from pipelines.errors import WarehouseError, Words
from pipelines.exports import ENCODINGS
from pipelines.settings import Home

AT_A_TIME = 2
PATIENCE = 20.0  # seconds that a reader waits for others' files
KEPT_FILES = 16
TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "pdf": "application/pdf",
}
PAPERS = ("docx", "xlsx", "pdf")

File = tuple[str, bytes]


class Busy(WarehouseError):
    """As many files as may be at a time are being made already."""


class Workshop:
    """Makes files, at most two at a time in a worker, and keeps the last few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], File] = OrderedDict()
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_A_TIME)

    def file(self, key: tuple[object, ...], make: Callable[[], File]) -> File:
        """Name and content under a key that holds the edition's id. Busy where too many others wait."""
        known = self._known(key)
        if known is not None:
            return known
        if not self._places.acquire(timeout=PATIENCE):
            raise _busy()
        try:
            known = self._known(key)  # somebody else may have asked the same meanwhile
            made = known or make()
        finally:
            self._places.release()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT_FILES:
                self._kept.popitem(last=False)
        return made

    def _known(self, key: tuple[object, ...]) -> File | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


def add_files(server: Flask, reader: EditionReader) -> None:
    """The routes of files over the current edition."""
    workshop = Workshop()

    def answered(make: Callable[[Edition, Address], tuple[tuple[object, ...], Callable[[], File]]], kind: str, *, is_shown: bool = False) -> Response:
        try:
            edition, _ = reader.current_or_last()
            key, work = make(edition, parse_file(request.query_string.decode("ascii", "replace")))
            name, content = workshop.file((edition.info.edition_id, *key), work)
        except WarehouseError as error:
            status = 503 if isinstance(error, Busy) else 404
            return Response(f"{error.zh}\n{error.en}\n", status=status, mimetype="text/plain")
        answer = Response(content, mimetype=TYPES[kind])
        if not is_shown:
            answer.headers["Content-Disposition"] = f"attachment; filename=\"file.{kind}\"; filename*=UTF-8''{quote(name)}"
        return answer

    def table(name: str, kind: str) -> Response:
        from dashboards.export import TABLES, table_file

        encoding = request.args.get("encoding", ENCODINGS[0])

        def make(edition: Edition, address: Address) -> tuple[tuple[object, ...], Callable[[], File]]:
            if name not in TABLES or kind not in ("csv", "xlsx", "parquet") or encoding not in ENCODINGS:
                raise _no_file(f"{name}.{kind}")
            return (name, kind, encoding, address, _account_of(name, edition)), lambda: table_file(Facts(edition), address, name, kind, encoding)

        return answered(make, kind)

    def bulletin(kind: str) -> Response:
        # Word's library is not needed by a page, and takes its time to be read.
        from dashboards.bulletin import WRITERS, bulletin_of, letterhead

        is_ranked = False if request.args.get("ranking") == "no" else None  # else as the county sets it

        def make(edition: Edition, address: Address) -> tuple[tuple[object, ...], Callable[[], File]]:
            if kind not in PAPERS:
                raise _no_file(f"bulletin.{kind}")
            facts = Facts(edition)
            period = facts.period(address)
            code = facts.unit(address.unit_key, period.end).code if address.unit_key else None
            name = period_short(period.period_type, period.first).replace("–", "~")

            def work() -> File:
                head = letterhead(home_of(edition.path).county_file, is_ranked=is_ranked)
                paper = bulletin_of(facts, name, code, head)
                return f"{paper.stem}.{kind}", WRITERS[kind](paper)

            return ("bulletin", kind, name, code, is_ranked), work

        return answered(make, kind)

    def dictionary(kind: str) -> Response:
        from pipelines.dictionary import WRITERS, file_name, read_dictionary
        from pipelines.editions import find_edition

        def make(edition: Edition, _address: Address) -> tuple[tuple[object, ...], Callable[[], File]]:
            if kind not in WRITERS:
                raise _no_file(f"dictionary.{kind}")
            home = home_of(edition.path)

            def work() -> File:
                read = read_dictionary(home, find_edition(home, edition.info.edition_id))
                return file_name(read, kind), WRITERS[kind](read)

            return ("dictionary", kind), work

        answer = answered(make, kind, is_shown=kind == "html")
        answer.headers["Content-Security-Policy"] = DOCUMENT_POLICY
        return answer

    def models(path: str) -> Response:
        """The documentation that dbt wrote (`warehouse docs`); 404 where it was not written."""
        answer = send_from_directory((Home(reader.pointer.parent.parent).docs / "dbt").resolve(), path)
        answer.headers["Content-Security-Policy"] = DOCUMENT_POLICY
        return answer

    server.add_url_rule("/export/<name>.<kind>", "export_table", table, methods=["GET"])
    server.add_url_rule("/bulletin.<kind>", "bulletin", bulletin, methods=["GET"])
    server.add_url_rule("/help/dictionary.<kind>", "dictionary", dictionary, methods=["GET"])
    server.add_url_rule("/help/models/<path:path>", "models", models, methods=["GET"])


def _account_of(table: str, edition: Edition) -> tuple[object, ...]:
    """Of the table that tells what changed, which account it is from: one may be made while the edition is current."""
    return account_stamp(home_of(edition.path), edition.info.edition_id) if table == "changes" else ()


def _no_file(asked: str) -> WarehouseError:
    return WarehouseError(
        Words("没有这个文件", "There is no such file"),
        where=asked,
        expected=Words("页面上“下载”所列的文件", "a file that a page offers"),
        found=Words("无法识别的名称或格式", "a name or format that is not known"),
        advice=Words("从页面下载", "download from a page"),
    )


def _busy() -> Busy:
    return Busy(
        Words("正在生成其他文件", "Other files are being made"),
        where="download",
        expected=Words(f"同时至多 {AT_A_TIME} 个", f"{AT_A_TIME} at a time"),
        found=Words(f"等待超过 {PATIENCE:.0f} 秒", f"a wait of more than {PATIENCE:.0f} seconds"),
        advice=Words("稍后再试", "try again in a moment"),
    )
