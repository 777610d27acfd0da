"""Linking keys: what is kept of a name so that people without a usable number can be linked by equality.

Three forms of a name, each under its own key; never the surname alone. They live in the linking zone of the
lake only, never in marts or editions (DOMAIN.md, Linking keys).
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh
import pyarrow as pa

from pipelines.keys import Key

PSEUDONYM_LENGTH = 32  # hex characters, 128 bits: as many as an attacker could ever search, at half the storage
_SEPARATOR = r"\s*[·•・‧∙⋅]\s*"
_GAP = r"(\p{Han})\s+(\p{Han})"
NAME_FORM = r"^[\p{L}\p{Co}][\p{L}\p{Co}\p{M}·.\-' ]*$"
MOST_CHARACTERS = 50


def normalise_name(text: pl.Expr) -> pl.Expr:
    """One spelling of a name: compatibility forms folded, one kind of separator, no blanks between Han characters."""
    return (
        text.str.normalize("NFKC")
        .str.strip_chars()
        .str.replace_all(_SEPARATOR, "·")
        # Twice, because a match takes both its characters: 王 小 明 has a gap on either side of one.
        .str.replace_all(_GAP, "$1$2")
        .str.replace_all(_GAP, "$1$2")
    )


def examine_names(names: pl.Expr) -> pl.Expr:
    """'valid', 'absent', 'too_long' or 'bad_characters' for each normalised name."""
    return (
        pl.when(names.is_null() | (names == "")).then(pl.lit("absent"))
        .when(names.str.len_chars() > MOST_CHARACTERS).then(pl.lit("too_long"))
        .when(~names.str.contains(NAME_FORM)).then(pl.lit("bad_characters"))
        .otherwise(pl.lit("valid"))
    )  # fmt: skip


def linking_keys(names: pl.Series, key: Key) -> pl.DataFrame:
    """name_key, pinyin_key, characters_key for each normalised name; all null for a null or one-character name."""
    usable = names.to_frame("name").with_row_index("place").filter(pl.col("name").str.len_chars() > 1)
    forms = usable.with_columns(
        pinyin=_toneless_pinyin(usable["name"]),
        characters=_sorted_characters(usable["name"]),
    )
    keyed = forms.select(
        "place",
        name_key=plh.col("name").chash.hmac_sha256(key=key.for_purpose("name")),
        pinyin_key=plh.col("pinyin").chash.hmac_sha256(key=key.for_purpose("pinyin")),
        characters_key=plh.col("characters").chash.hmac_sha256(key=key.for_purpose("characters")),
    ).with_columns(pl.col("name_key", "pinyin_key", "characters_key").str.slice(0, PSEUDONYM_LENGTH))
    places = pl.select(place=pl.int_range(len(names), dtype=pl.UInt32))
    return places.join(keyed, on="place", how="left", maintain_order="left").drop("place")


def _sorted_characters(names: pl.Series) -> pl.Series:
    """Each name's characters in code point order; sorted all at once, as numbers that begin with the name's place."""
    owners = np.repeat(np.arange(len(names), dtype=np.uint64), names.str.len_chars().to_numpy())
    characters = np.sort(owners << 32 | _code_points(names)).astype(np.uint32)
    # A name's characters, however ordered, take the same bytes.
    return _texts(characters.tobytes().decode("utf-32-le"), names.str.len_bytes())


def _toneless_pinyin(names: pl.Series) -> pl.Series:
    points = _code_points(names)
    characters = np.unique(points)
    readings = pl.Series([f"{_reading(chr(point))} " for point in characters], dtype=pl.String)
    read = readings.gather(np.searchsorted(characters, points))
    lengths = np.diff(_bounds(read.str.len_bytes())[_bounds(names.str.len_chars())])
    return _texts(read.str.join().item(), pl.Series(lengths))


def _code_points(texts: pl.Series) -> npt.NDArray[np.uint32]:
    """The characters of all texts, one after the other."""
    return np.frombuffer(texts.str.join().item().encode("utf-32-le"), dtype=np.uint32)


def _texts(joined: str, lengths: pl.Series) -> pl.Series:
    """One text cut into many; `lengths` in bytes of UTF-8."""
    buffers = pa.py_buffer(_bounds(lengths)), pa.py_buffer(joined.encode())
    return pl.Series(pa.LargeStringArray.from_buffers(len(lengths), *buffers))


def _bounds(lengths: pl.Series) -> npt.NDArray[np.int64]:
    """Where each of several pieces begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths.to_numpy(), dtype=np.int64)])


@cache
def _reading(character: str) -> str:
    # Imported late, and without its phrases: characters are read one by one, and most commands never read a name.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import Style, lazy_pinyin

    return str(lazy_pinyin(character, style=Style.NORMAL)[0])
