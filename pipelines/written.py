"""What people may write into a store: notes, reasons, instructions.

Kept as it was written, but for blanks around it; never with an identity number or with signs that would show a text in
another order than it is.
"""

from __future__ import annotations

import re
import unicodedata

from pipelines.errors import WarehouseError, Words

_SEPARATED_DIGITS = re.compile(r"(?<=[0-9])[ \-_.·]+(?=[0-9Xx])")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would show a text in another order than it is


class NotForKeeping(WarehouseError):
    """A text that cannot be kept as it is."""


def checked(name: str, title: Words, text: str, longest: int, *, required: bool = False) -> str:
    """A text that a person wrote, trimmed. NotForKeeping where it is empty but required, too long, or not for keeping.

    `name` is the field's, as forms and commands call it; `title` what people call it.
    """
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if required and not kept:
        raise _refused(name, title, Words("必须填写", "a text"), Words("空", "nothing"))
    if len(kept) > longest:
        expected = Words(f"最多 {longest} 字", f"at most {longest} characters")
        raise _refused(name, title, expected, Words(f"{len(kept)} 字", f"{len(kept)}"))
    if _TURNING.search(kept) or any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in kept):
        raise _refused(name, title, Words("普通文字", "plain text"), Words("控制字符", "control characters"))
    if has_identity_number(kept):
        raise _refused(
            name, title, Words("不含身份证件号码", "no identity numbers"),
            Words("有一串数字像身份证件号码", "digits that look like an identity number"),
        )  # fmt: skip
    return kept


def has_identity_number(text: str) -> bool:
    """Whether something in a text has the form of an identity number, also in full-width or separated digits."""
    from pipelines.protection.identity import IDENTIFIER, OLD_IDENTIFIER

    plain = unicodedata.normalize("NFKC", text)
    joined = _SEPARATED_DIGITS.sub("", plain)
    # ASCII: a Chinese character right before the number ends no word of it.
    return bool(re.search(f"{IDENTIFIER}|{OLD_IDENTIFIER}", plain, re.ASCII) or re.search(IDENTIFIER, joined, re.ASCII))


def _refused(name: str, title: Words, expected: Words, found: Words) -> NotForKeeping:
    return NotForKeeping(
        Words(f"“{title.zh}”不能这样填写", f"The {title.en} cannot be taken"),
        where=name, expected=expected, found=found,
        advice=Words("修改后重新提交", "change it and submit again"),
    )  # fmt: skip
