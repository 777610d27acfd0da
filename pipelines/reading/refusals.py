"""Why a delivered file is not taken in: every refusal of reading, its wording in one place.

Texts name row, column header and what was counted, and never quote a cell of a data row.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.errors import Refusal, Words


@dataclass(frozen=True)
class _Reason:
    what: Words
    expected: Words
    advice: Words


def _reason(what: tuple[str, str], expected: tuple[str, str], advice: tuple[str, str]) -> _Reason:
    return _Reason(Words(*what), Words(*expected), Words(*advice))


_SAVE_UTF8 = ("在 Excel 中另存为“CSV UTF-8（逗号分隔）”后重新报送", "save it as 'CSV UTF-8 (comma delimited)' and deliver again")
_SAVE_XLSX = ("在 Excel 中另存为普通 .xlsx 工作簿后重新报送", "save it as a plain .xlsx workbook in Excel and deliver again")
_EXPORT_AGAIN = ("从原系统重新导出后报送", "export it again from the source system and deliver that")
_USE_TEMPLATE = ("使用本数据集的模板（warehouse template）填报", "use this dataset's template (warehouse template)")
_KNOWN_ENCODING = ("UTF-8（可带 BOM）或 GB18030", "UTF-8 (with or without BOM) or GB18030")
_PLAIN_WORKBOOK = ("不含宏、外部链接、嵌入对象的 .xlsx 工作簿", "an .xlsx workbook without macros, external links or embedded objects")
_SMALL_WORKBOOK = (
    "不超过 50 MB，解压后不超过 300 MB，压缩比不超过 100，部件不超过 2,000 个，单元格范围不超过 2,000 万",
    "at most 50 MB, 300 MB unpacked, ratio 100, 2,000 members and a range of 20 million cells",
)
_SPLIT = ("拆小或改用 CSV 报送", "split it, or deliver CSV instead")
_QUOTING = ("双引号成对，且只包住整个单元格（RFC 4180）", "double quotes in pairs around whole cells only (RFC 4180)")

_REASONS: dict[str, _Reason] = {
    # the file
    "not_regular_file": _reason(
        ("不是普通文件", "It is not a regular file"),
        ("普通文件", "a regular file"),
        ("放入文件本身，不要用链接、管道或文件夹", "put the file itself there, not a link, pipe or folder"),
    ),
    "file_unreadable": _reason(
        ("文件打不开", "The file cannot be opened"),
        ("可读取的文件", "a file that can be read"),
        ("检查文件是否存在及其权限", "check that it exists and its permissions"),
    ),
    "file_changed": _reason(
        ("文件正在写入", "The file is still being written"),
        ("读取期间不变的文件", "a file that does not change while it is read"),
        ("等待复制完成后重试", "wait until copying has finished and try again"),
    ),
    "file_empty": _reason(
        ("文件为空", "The file is empty"), ("有表头和数据", "a header and rows"), _EXPORT_AGAIN
    ),
    "file_too_large": _reason(
        ("文件过大", "The file is too large"),
        ("CSV 不超过 512 MB，.xlsx 不超过 50 MB", "at most 512 MB for CSV, 50 MB for .xlsx"),
        _SPLIT,
    ),
    "file_type_unknown": _reason(
        ("文件类型不支持", "The file type is not supported"), (".csv 或 .xlsx", ".csv or .xlsx"), _SAVE_XLSX
    ),
    # text
    "encoding_utf16": _reason(("编码为 UTF-16", "The encoding is UTF-16"), _KNOWN_ENCODING, _SAVE_UTF8),
    "encoding_utf32": _reason(("编码为 UTF-32", "The encoding is UTF-32"), _KNOWN_ENCODING, _SAVE_UTF8),
    "encoding_unknown": _reason(("编码无法识别", "The encoding is not known"), _KNOWN_ENCODING, _SAVE_UTF8),
    "encoding_truncated": _reason(
        ("文件在一个字符中间断开", "The file ends in the middle of a character"),
        ("完整的文件", "a complete file"),
        _EXPORT_AGAIN,
    ),
    "nul_bytes": _reason(
        ("文件含空字节", "The file has NUL bytes"), ("纯文本", "plain text"), _EXPORT_AGAIN
    ),
    "line_ends_cr": _reason(
        ("换行符为单独的回车（CR）", "A carriage return (CR) stands without a line feed"),
        ("换行符为 CRLF 或 LF", "lines ending in CRLF or LF"),
        _SAVE_UTF8,
    ),
    "delimiter_wrong": _reason(
        ("分隔符不是逗号", "The delimiter is not a comma"), ("逗号分隔", "commas between cells"), _SAVE_UTF8
    ),
    "quote_unclosed": _reason(("双引号未闭合", "A double quote is never closed"), _QUOTING, _EXPORT_AGAIN),
    "quote_misplaced": _reason(("双引号位置错误", "A double quote is misplaced"), _QUOTING, _EXPORT_AGAIN),
    "quote_spans_rows": _reason(
        ("双引号跨越了完整的行", "A quoted cell spans whole rows"), _QUOTING, _EXPORT_AGAIN
    ),
    "ragged_row": _reason(
        ("数据行的列数与表头不一致", "A data row is not as wide as the header"),
        ("每个数据行与表头列数相同", "as many cells in each data row as in the header"),
        ("检查该行多出或缺少的逗号（含逗号的单元格须加双引号）", "look for a comma too many or too few (cells with commas need quotes)"),
    ),
    # the header
    "header_not_found": _reason(
        ("找不到表头", "No header row was found"),
        ("前十个非空行中有本数据集的表头", "this dataset's header in the first ten rows that are not blank"),
        _USE_TEMPLATE,
    ),
    "header_missing": _reason(
        ("缺少必需的列", "A required column is missing"), ("全部必需列", "all required columns"), _USE_TEMPLATE
    ),
    "header_duplicate": _reason(
        ("表头重复", "A header stands twice"), ("每个表头只出现一次", "each header once"), _USE_TEMPLATE
    ),
    "header_ambiguous": _reason(
        ("两列表示同一内容", "Two columns mean the same"),
        ("每项内容只有一列", "one column for each meaning"),
        ("删去其中一列", "remove one of them"),
    ),
    "header_empty": _reason(
        ("有数据的列没有表头", "A column with data has no header"),
        ("每个有数据的列都有表头", "a header over every column with data"),
        ("补上表头或删去该列", "give it a header or remove it"),
    ),
    "data_before_header": _reason(
        ("表头之前有数据行", "A row of data stands before the header"),
        ("表头之前只有标题", "only titles before the header"),
        ("删去表头之前的数据行，或移到表头之后", "remove the rows before the header or move them below it"),
    ),
    # the rows
    "no_data_rows": _reason(
        ("没有数据行", "There is no data row"),
        ("名册至少有一行数据", "at least one row in a register"),
        ("确认导出条件后重新报送", "check the export's conditions and deliver again"),
    ),
    "number_mangled": _reason(
        ("长编号被存为数字，末位已丢失", "A long number was stored as a number and lost digits"),
        ("编号为文本", "numbers of things as text"),
        ("将该列设为文本格式并重新导出", "format the column as text and export again"),
    ),
    "correction_incomplete": _reason(
        ("更正表缺列", "A correction sheet lacks a column"),
        ("同时有“更正批次”和“更正行号”两列", "both columns 更正批次 (batch) and 更正行号 (row)"),
        ("使用退回的更正表，不要删改这两列", "use the correction sheet that was sent, with both columns as they are"),
    ),
    "correction_without_row": _reason(
        ("更正表有的行不知更正何处", "A row of the correction sheet does not say what it corrects, or another says the same"),
        ("每行注明更正批次和更正行号，且各不相同", "batch and row number in every row, each once"),
        ("使用退回的更正表，不要删改这两列", "use the correction sheet that was sent, with both columns as they are"),
    ),
    "rows_unaccounted": _reason(
        ("行数对不上", "The rows do not add up"),
        ("物理行数等于各类行数之和", "as many rows classified as are in the file"),
        ("请将文件交系统管理员检查", "ask the operator to examine the file"),
    ),
    # workbooks
    "excel_encrypted": _reason(
        ("工作簿已加密或为旧版 .xls", "The workbook is encrypted or an old .xls"),
        ("未加密的 .xlsx", "an .xlsx without a password"),
        _SAVE_XLSX,
    ),
    "excel_damaged": _reason(
        ("工作簿损坏或不是 .xlsx", "The workbook is damaged or no .xlsx"),
        ("完整的 .xlsx 工作簿", "a sound .xlsx workbook"),
        _SAVE_XLSX,
    ),
    "excel_active_content": _reason(
        ("工作簿含宏、外部链接或嵌入对象", "The workbook has macros, external links or embedded objects"),
        _PLAIN_WORKBOOK,
        ("复制为数值到新的 .xlsx 后报送", "copy the values into a new .xlsx and deliver that"),
    ),
    "excel_too_large": _reason(("工作簿超出上限", "The workbook is over a limit"), _SMALL_WORKBOOK, _SPLIT),
    "excel_too_many_cells": _reason(
        ("工作表范围过大", "The range of a sheet is too large"),
        _SMALL_WORKBOOK,
        ("删去远处的空白格式与零散单元格，或改用 CSV", "delete stray cells far away, or deliver CSV"),
    ),
    "excel_child_died": _reason(
        ("读取工作簿的进程中止，多因超出内存上限", "The process reading the workbook died, mostly for lack of memory"), _SMALL_WORKBOOK, _SPLIT
    ),
    "excel_timeout": _reason(
        ("读取工作簿超时", "Reading the workbook took too long"),
        ("120 秒内读完", "a workbook that can be read in 120 seconds"),
        _SPLIT,
    ),
    "excel_several_sheets": _reason(
        ("多个工作表都有本数据集的表头", "Several sheets carry this dataset's header"),
        ("只有一个可见工作表有表头", "one visible sheet with the header"),
        ("合并为一个工作表，或隐藏、删去其余工作表", "merge them into one sheet, or hide or delete the others"),
    ),
    "excel_merged_cells": _reason(
        ("数据区有合并单元格", "Cells are merged among the data rows"),
        ("数据行不含合并单元格", "no merged cells in data rows"),
        ("取消合并并逐行填满", "unmerge them and fill every row"),
    ),
    "excel_formula_without_value": _reason(
        ("公式没有计算结果", "A formula has no computed value"),
        ("单元格为数值或文本", "cells holding values"),
        ("在 Excel 中打开保存一次，或粘贴为数值", "open and save it in Excel once, or paste as values"),
    ),
}

REFUSAL_CODES: tuple[str, ...] = tuple(_REASONS)


def what_is_refused(code: str) -> Words:
    """What is wrong with a file that was refused for this, without a word of the file itself."""
    reason = _REASONS.get(code)
    return reason.what if reason else Words("不合格行过多", "too many of its rows do not pass")


def at_row(number: int) -> str:
    """The words for a place in a file: its physical line, or row of the sheet."""
    return f"第 {number} 行 / row {number}"


WHOLE_FILE = "整个文件 / whole file"


def refuse(code: str, where: str, zh: str, en: str) -> Refusal:
    """The refusal called `code`; `zh` and `en` say what was found. KeyError for an unknown code."""
    reason = _REASONS[code]
    return Refusal(
        code, reason.what, where=where, expected=reason.expected, found=Words(zh, en), advice=reason.advice
    )
