"""What routes of pages with forms share: the query of a request, answers as documents, values of a form.

Belongs here: requests and answers of any such page. Which routes there are stands with each kind of page.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request

from dashboards import html_pages
from dashboards.address import Address, language_of
from dashboards.doors import STYLE_SHEET
from dashboards.html import Component
from dashboards.pages import problem
from dashboards.visitor import strip
from pipelines.errors import WarehouseError, Words


class Malformed(WarehouseError):
    """A form that no page of ours sent."""

    def __init__(self, where: str) -> None:
        super().__init__(
            Words("表单填写不完整", "The form is incomplete"),
            where=where,
            expected=Words("页面上的表单", "the form as the page gives it"),
            found=Words("无法识别的值", "a value that is not known"),
            advice=Words("改正后重新提交", "correct it and submit again"),
        )


def search() -> str:
    """The query of the request that is being answered."""
    return request.query_string.decode("ascii", "replace")


def document(title: str, frame: Component, address: Address, status: int) -> Response:
    """A whole page as an answer."""
    return Response(html_pages.document(title, frame, address.lang, STYLE_SHEET, strip()), status, mimetype="text/html")


def problem_told(error: WarehouseError, query: str, status: int) -> Response:
    """A page that says what went wrong, in the language that was asked for."""
    address = Address(lang=language_of(query))
    title, content = problem.content(error, address.lang)
    return document(title, problem.alone(content, address.lang), address, status)


def number_of(values: Mapping[str, str], name: str) -> int:
    """A whole number of a form. Malformed where there is none."""
    text = values.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Malformed(name)
    return int(text)
