"""Which encoding a text file is in: decided, never guessed. BOM, then UTF-8, then GB18030, strictly."""

from __future__ import annotations

import codecs

from pipelines.reading.refusals import WHOLE_FILE, at_row, refuse

_WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "encoding_utf32"),
    (codecs.BOM_UTF32_BE, "encoding_utf32"),
    (codecs.BOM_UTF16_LE, "encoding_utf16"),
    (codecs.BOM_UTF16_BE, "encoding_utf16"),
)
_WIDE_CODECS = (
    ("utf-32-le", "encoding_utf32"),
    ("utf-32-be", "encoding_utf32"),
    ("utf-16-le", "encoding_utf16"),
    ("utf-16-be", "encoding_utf16"),
)

# Python's gb18030 is the edition of 2000, which put these 25 characters into the private use area; editions
# 2005 and 2022 of GB 18030 give them their real code points. Rare names need them.
_GB18030_2022 = str.maketrans(
    {
        "\ue78d": "\ufe10", "\ue78e": "\ufe12", "\ue78f": "\ufe11", "\ue790": "\ufe13", "\ue791": "\ufe14",
        "\ue792": "\ufe15", "\ue793": "\ufe16", "\ue794": "\ufe17", "\ue795": "\ufe18", "\ue796": "\ufe19",
        "\ue7c7": "\u1e3f", "\ue816": "\U00020087", "\ue817": "\U00020089", "\ue818": "\U000200cc",
        "\ue81e": "\u9fb4", "\ue826": "\u9fb5", "\ue82b": "\u9fb6", "\ue82c": "\u9fb7",
        "\ue831": "\U000215d7", "\ue832": "\u9fb8", "\ue83b": "\U0002298f", "\ue843": "\u9fb9",
        "\ue854": "\u9fba", "\ue855": "\U000241fe", "\ue864": "\u9fbb",
    }
)  # fmt: skip


def as_utf8(data: bytes) -> tuple[bytes, str]:
    """The text in UTF-8 and the encoding it was in ('utf-8', 'utf-8-sig' or 'gb18030'). Refusal for any other."""
    for bom, code in _WIDE_BOMS:
        if data.startswith(bom):
            raise refuse(code, WHOLE_FILE, "文件开头为其标记（BOM）", "its mark (BOM) at the beginning")
    if b"\0" in data:
        _refuse_nul_bytes(data)
    if data.startswith(codecs.BOM_UTF8):
        text = data[len(codecs.BOM_UTF8) :]
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _undecodable(error, "utf-8") from None
        return text, "utf-8-sig"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        utf8_error = error
    else:
        return data, "utf-8"
    try:
        utf8 = data.decode("gb18030").encode("utf-8")
    except UnicodeDecodeError as error:
        # the encoding that could read further is the one that was meant
        further = max(utf8_error, error, key=lambda each: each.start)
        raise _undecodable(further, further.encoding) from None
    if utf8_error.reason == "unexpected end of data" and utf8_error.start > 0:
        raise _undecodable(utf8_error, "utf-8")
    return _with_characters_of_2022(utf8), "gb18030"


def _undecodable(error: UnicodeDecodeError, encoding: str) -> Exception:
    """The refusal for bytes that are in no known encoding, or stop inside a character."""
    row = error.object[: error.start].count(b"\n") + 1
    if error.reason in ("unexpected end of data", "incomplete multibyte sequence"):
        return refuse("encoding_truncated", at_row(row), f"{encoding} 字符不完整", f"half a {encoding} character")
    return refuse("encoding_unknown", at_row(row), f"不是 {encoding} 的字节", f"bytes that are not {encoding}")


def _refuse_nul_bytes(data: bytes) -> None:
    for codec, code in _WIDE_CODECS:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and ("," in text or "\n" in text):
            raise refuse(code, WHOLE_FILE, f"{codec} 文本", f"{codec} text")
    row = data[: data.index(b"\0")].count(b"\n") + 1
    raise refuse("nul_bytes", at_row(row), f"{data.count(0):,} 个空字节", f"{data.count(0):,} NUL bytes")


def _with_characters_of_2022(utf8: bytes) -> bytes:
    # In UTF-8 all of them, and hardly anything else, begin with this byte.
    return utf8.decode().translate(_GB18030_2022).encode() if b"\xee" in utf8 else utf8
