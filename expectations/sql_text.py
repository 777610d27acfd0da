"""Names, texts and numbers as SQL has them."""

from __future__ import annotations


def quoted_name(column: str) -> str:
    """A column's name as SQL has it."""
    return '"' + column.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: tuple[str, ...]) -> str:
    """Texts as a list of SQL literals."""
    return ", ".join(literal(text) for text in texts)


def number(value: float) -> str:
    """A bound as people and SQL write it: 100000, 0.5."""
    return str(int(value)) if value == int(value) else repr(value)
