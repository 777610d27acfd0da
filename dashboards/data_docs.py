"""The Data Docs behind the pages: the way to them, and their route. They are pages of their own, written by each run."""

from __future__ import annotations

from flask import Flask, Response, redirect, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as Answer

from pipelines.data_docs import INDEX, NoDataDocs, newest_page
from pipelines.settings import Home

ROOT = "/data-docs"


def data_docs_href(dataset: str = "", month: str = "") -> str:
    """The address of what was last validated of a dataset and month ('YYYY-MM'), or of the index of runs.

    It says so itself where nothing was validated, so that a link to it needs no look at the disk.
    """
    return f"{ROOT}/newest/{dataset}/{month}" if dataset else f"{ROOT}/{INDEX}"


def run_href(run_id: str) -> str:
    """The address of the page of one run."""
    return f"{ROOT}/{run_id}/{INDEX}"


def add_data_docs(server: Flask, home: Home) -> None:
    """The routes of the Data Docs of one data root."""

    def page(path: str) -> Answer:
        try:
            return send_from_directory(home.data_docs.resolve(), path)
        except NotFound:
            return _told(NoDataDocs(path))

    def newest(dataset: str, month: str) -> Answer:
        try:
            found = newest_page(home, dataset, month)
        except NoDataDocs as error:
            return _told(error)
        return redirect(f"{ROOT}/{found.relative_to(home.data_docs)}", 303)

    server.add_url_rule(f"{ROOT}/<path:path>", "data_docs", page, methods=["GET"])
    server.add_url_rule(f"{ROOT}/newest/<dataset>/<month>", "data_docs_newest", newest, methods=["GET"])


def _told(error: NoDataDocs) -> Response:
    return Response(f"{error.zh}\n{error.en}\n", status=404, mimetype="text/plain")
