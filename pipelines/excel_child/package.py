"""The zip package of a workbook: what it may contain and how large it may be, before anything is parsed."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO
from xml.parsers import expat

from pipelines.excel_child.finding import Finding

MAX_MEMBERS = 2_000
MAX_UNPACKED = 300 * 1024 * 1024
MAX_RATIO = 100
# below this size a high ratio does no harm, and small files of blanks reach it honestly
RATIO_COUNTS_FROM = 1024 * 1024

_WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ACTIVE_CONTENT = {
    "xl/vbaproject": ("宏", "macros"),
    "xl/macrosheets/": ("宏", "macros"),
    "xl/dialogsheets/": ("对话框工作表", "dialog sheets"),
    "xl/externallinks/": ("外部链接", "external links"),
    "xl/connections": ("外部数据连接", "data connections"),
    "xl/querytables/": ("外部数据连接", "data connections"),
    "xl/embeddings/": ("嵌入对象", "embedded objects"),
    "xl/activex/": ("ActiveX 控件", "ActiveX controls"),
    "xl/ctrlprops/": ("控件", "controls"),
}

Attributes = dict[str, str]
Handler = Callable[[Attributes], None]


@dataclass(frozen=True)
class SheetPart:
    """A worksheet of the workbook: its name, whether it is shown, and its member in the package."""

    name: str
    is_visible: bool
    member: str


def damaged(zh: str, en: str) -> Finding:
    return Finding("excel_damaged", zh, en)


def open_package(data: bytes) -> zipfile.ZipFile:
    """The package, checked in size, integrity and content. Finding otherwise."""
    if data.startswith(_OLE):
        raise Finding("excel_encrypted", "OLE 复合文件", "an OLE compound file")
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        _check_size(package.infolist())
        _check_content(package)
        # inflates every member: a wrong size, a wrong checksum or a cut file shows here
        broken = package.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        raise damaged("不是完整的 zip 包", "not a sound zip package") from None
    if broken is not None:
        raise damaged("zip 包中有部件校验失败", "a member of the package fails its checksum")
    return package


def _check_size(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise Finding("excel_too_large", f"{len(members):,} 个部件", f"{len(members):,} members")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        size = f"{unpacked / 1024 / 1024:,.0f} MB"
        raise Finding("excel_too_large", f"解压后 {size}", f"{size} unpacked")
    for member in members:
        if member.file_size > RATIO_COUNTS_FROM and member.file_size > MAX_RATIO * member.compress_size:
            ratio = f"{member.file_size / max(member.compress_size, 1):,.0f}"
            raise Finding("excel_too_large", f"压缩比 {ratio}", f"a compression ratio of {ratio}")


def _check_content(package: zipfile.ZipFile) -> None:
    names = [_normal(name) for name in package.namelist()]
    if len(set(names)) != len(names):
        raise damaged("同名部件", "two members of one name")
    if any(member.flag_bits & 1 for member in package.infolist()):
        raise Finding("excel_encrypted", "加密的部件", "encrypted members")
    for prefix, (zh, en) in _ACTIVE_CONTENT.items():
        if any(name.startswith(prefix) for name in names):
            raise Finding("excel_active_content", zh, en)
    types: list[str] = []

    def on_type(attributes: Attributes) -> None:
        types.append(attributes.get("ContentType", ""))

    with _member(package, "[content_types].xml") as stream:
        parse_xml(stream, dict.fromkeys(("Default", "Override"), on_type))
    if any("macroEnabled" in kind for kind in types):
        raise Finding("excel_active_content", "宏", "macros")
    if _WORKBOOK_TYPE not in types:
        raise damaged("不是 .xlsx 工作簿", "no .xlsx workbook")


def worksheets(package: zipfile.ZipFile) -> list[SheetPart]:
    """The worksheets in the workbook's order. Finding where the workbook's own lists contradict each other."""
    targets: dict[str, tuple[str, str]] = {}
    sheets: list[Attributes] = []

    def on_relation(attributes: Attributes) -> None:
        if attributes.get("TargetMode") != "External":
            targets[attributes["Id"]] = (attributes["Type"], attributes["Target"])

    with _member(package, "xl/_rels/workbook.xml.rels") as stream:
        parse_xml(stream, {"Relationship": on_relation})
    with _member(package, "xl/workbook.xml") as stream:
        parse_xml(stream, {"sheet": sheets.append})
    parts = []
    for sheet in sheets:
        relation = next((value for key, value in sheet.items() if key.rpartition(":")[2] == "id"), "")
        kind, target = targets.get(relation, ("", ""))
        if kind.endswith("/worksheet"):
            member = _normal(posixpath.normpath(posixpath.join("/xl", target)))
            is_visible = sheet.get("state", "visible") == "visible"
            parts.append(SheetPart(sheet.get("name", ""), is_visible, member))
    if not parts or len({part.name for part in parts}) != len(parts):
        raise damaged("工作表清单有误", "the list of sheets is wrong")
    return parts


def open_sheet(package: zipfile.ZipFile, part: SheetPart) -> IO[bytes]:
    return _member(package, part.member)


def parse_xml(stream: IO[bytes], handlers: Mapping[str, Handler], parser: expat.XMLParserType | None = None) -> None:
    """Calls the handler of each element's local name with its attributes. Finding for XML that is not plain."""
    parser = parser or expat.ParserCreate()
    known = dict(handlers)

    def refuse_doctype(*_: object) -> None:
        raise damaged("XML 含文档类型声明", "XML with a document type")

    def on_start(name: str, attributes: Attributes) -> None:
        handler = known.get(name)
        if handler is not None:
            handler(attributes)
        elif ":" in name:
            # some programs write a namespace prefix before every name
            known[name] = known.get(name.rpartition(":")[2], _ignore)
            known[name](attributes)

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = on_start
    try:
        parser.ParseFile(stream)
    except (expat.ExpatError, KeyError):
        raise damaged("XML 有误", "XML with errors") from None


def _ignore(_: Attributes) -> None:
    """For elements that mean nothing here."""


def _normal(name: str) -> str:
    """A member's name as spreadsheet programs compare it: case-insensitive, forward slashes, no root."""
    return name.replace("\\", "/").lstrip("/").lower()


def _member(package: zipfile.ZipFile, name: str) -> IO[bytes]:
    for member in package.infolist():
        if _normal(member.filename) == name:
            return package.open(member)
    raise damaged("缺少部件", "a member is missing")
