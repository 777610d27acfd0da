"""The errors that people read: what failed, where, expected, found, what to do, in Chinese and English.

Texts never carry a delivered value of an identifying column; they name file, line, column and rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Words:
    """One sentence in both languages of the people who read it."""

    zh: str
    en: str


class WarehouseError(Exception):
    """Something a person has to act on. `zh` and `en` are complete texts."""

    def __init__(self, what: Words, *, where: str, expected: Words, found: Words, advice: Words) -> None:
        self.what, self.where = what, where
        self.expected, self.found, self.advice = expected, found, advice
        super().__init__(self.en)

    @property
    def said(self) -> dict[str, Any]:
        """What the error was made of, for one of another class that says the same."""
        return {
            "what": self.what, "where": self.where, "expected": self.expected, "found": self.found,
            "advice": self.advice,
        }  # fmt: skip

    @property
    def zh(self) -> str:
        return (
            f"{self.what.zh}。位置：{self.where}；要求：{self.expected.zh}；"
            f"实际：{self.found.zh}；处理：{self.advice.zh}"
        )

    @property
    def en(self) -> str:
        return (
            f"{self.what.en}. Where: {self.where}; expected: {self.expected.en}; "
            f"found: {self.found.en}; what to do: {self.advice.en}"
        )


class Unaccounted(WarehouseError):
    """Two steps of the program do not agree on files or rows: a fault of its own, seen before anything was published."""

    def __init__(self, where: str, expected: Words, found: Words) -> None:
        super().__init__(
            Words("程序前后两步的行数不一致", "Two steps of the program do not agree on the rows"),
            where=where,
            expected=expected,
            found=found,
            advice=Words("未发布任何内容；请再次运行，仍然如此则为程序错误，请报告", "nothing was published: run again, and report it as a fault of the program if it stays"),
        )


class Refusal(WarehouseError):
    """A delivered file that is not taken in. `code` is stable and names the reason, such as `header_missing`."""

    def __init__(
        self, code: str, what: Words, *, where: str, expected: Words, found: Words, advice: Words
    ) -> None:
        self.code = code
        super().__init__(what, where=where, expected=expected, found=found, advice=advice)
