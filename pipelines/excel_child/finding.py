"""What the child found wrong with a workbook, on its way to the parent, which words the refusal."""

from __future__ import annotations


class Finding(Exception):
    """A reason to refuse the workbook: the refusal's code, and what was found in Chinese and English."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        self.code, self.zh, self.en = code, zh, en
        super().__init__(code)
