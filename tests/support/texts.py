"""All text that a file or an answer holds, for tests that look for what must not be in it."""

from __future__ import annotations

import gzip
import html
import io
import json
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import duckdb
import polars as pl

ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")


def everything_in(path: Path) -> str:
    """All text of a file: every column of DuckDB, anything else as `text_of` reads it."""
    return _database_text(path) if path.suffix == ".duckdb" else text_of(path.read_bytes())


def text_of(data: bytes) -> str:
    """All text of some bytes: cells of Parquet, what gzip and zip (.xlsx, .docx) hold, anything else in every encoding."""
    if data.startswith(b"PAR1"):
        return _frame_text(pl.read_parquet(io.BytesIO(data)))
    if data.startswith(b"\x1f\x8b"):
        try:
            return text_of(gzip.decompress(data))
        except (OSError, EOFError, zlib.error):  # half written
            return _decoded(data)
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "\n".join([*archive.namelist(), *(text_of(archive.read(name)) for name in archive.namelist())])
    return _decoded(data)


def forms_of(text: str) -> set[str]:
    """A text as it stands in plain text, in JSON, in an address and in markup."""
    in_markup = "".join(f"&#{ord(sign)};" for sign in text)
    return {text, json.dumps(text)[1:-1], quote(text), html.escape(text), in_markup}


def _decoded(data: bytes) -> str:
    """In every encoding that is delivered; of the wide ones from either byte on."""
    return "".join(
        data[start:].decode(encoding, "ignore")
        for encoding in ENCODINGS
        for start in ((0, 1) if encoding.startswith("utf-16") else (0,))
    )


def _frame_text(frame: pl.DataFrame) -> str:
    texts = [frame[name].drop_nulls().unique() for name, dtype in frame.schema.items() if dtype == pl.String]
    lists = [frame[name].explode().drop_nulls() for name, dtype in frame.schema.items() if dtype == pl.List(pl.String)]
    return "\n".join(text for column in (*texts, *lists) for text in column)


def _database_text(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        return "\n".join(_frame_text(connection.sql(f'select * from "{table}"').pl()) for table in tables)
