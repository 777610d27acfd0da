"""Append-only logs in which nothing can be changed unseen: each entry holds the hash of the one before, and its own.

Belongs here: adding an entry, and finding entries that were changed. What a log is about stands with its table, which has
the columns `number`, `previous_hash` and `entry_hash`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

START = "0" * 64


@dataclass(frozen=True)
class Chain:
    """The log in `table`; `hashed` are the columns that its hashes cover, in their order."""

    table: sa.Table
    hashed: tuple[str, ...]

    def append(
        self, connection: Connection, entry: Mapping[str, Any], *part: sa.ColumnElement[bool]
    ) -> dict[str, Any]:
        """Adds an entry after the last one, and gives it with its number. `part`: which entries are a chain of their own.

        Nobody else may append meanwhile: the caller holds the store, or a row that stands for the chain.
        """
        columns = self.table.c
        query = sa.select(columns.number, columns.entry_hash).where(*part).order_by(columns.number.desc()).limit(1)
        last = connection.execute(query).first()
        previous = last.entry_hash if last else START
        numbered = {**entry, "number": last.number + 1 if last else 1}
        added = {**numbered, "previous_hash": previous, "entry_hash": self._hash(previous, numbered)}
        connection.execute(self.table.insert(), added)
        return added

    def broken(self, entries: Sequence[Mapping[str, Any]]) -> list[int]:
        """Numbers of the entries whose chain does not hold: edited, deleted before, or put in between."""
        broken, previous = [], START
        for entry in entries:
            if (entry["previous_hash"], entry["entry_hash"]) != (previous, self._hash(previous, entry)):
                broken.append(int(entry["number"]))
            previous = entry["entry_hash"]
        return broken

    def _hash(self, previous: str, entry: Mapping[str, Any]) -> str:
        content = json.dumps([previous, *(entry.get(name) for name in self.hashed)], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()
