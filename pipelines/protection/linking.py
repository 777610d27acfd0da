"""Linking keys: what is kept of a name so that people without a usable number can be linked by equality.

Three forms of a name, each under its own key; never the surname alone. They live in the linking zone of the
lake only, never in marts or editions (DOMAIN.md, Linking keys).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import polars_hash as plh

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
    usable = names.to_frame("name").select(pl.when(pl.col("name").str.len_chars() > 1).then(pl.col("name")))
    different = usable.unique().drop_nulls()
    forms = different.with_columns(
        pinyin=_toneless_pinyin(different["name"]),
        characters=_sorted_characters(different["name"]),
    )
    keyed = forms.with_columns(
        name_key=plh.col("name").chash.hmac_sha256(key=key.for_purpose("name")),
        pinyin_key=plh.col("pinyin").chash.hmac_sha256(key=key.for_purpose("pinyin")),
        characters_key=plh.col("characters").chash.hmac_sha256(key=key.for_purpose("characters")),
    ).with_columns(pl.col("name_key", "pinyin_key", "characters_key").str.slice(0, PSEUDONYM_LENGTH))
    joined = usable.join(keyed, on="name", how="left", maintain_order="left")
    return joined.select("name_key", "pinyin_key", "characters_key")


def _sorted_characters(names: pl.Series) -> pl.Series:
    """Each name's characters in code point order; as a matrix of code points, ten times faster than as lists."""
    points = np.array(names.to_list() or [""], dtype=np.str_)
    matrix = points.view(np.uint32).reshape(len(points), -1)
    matrix.sort(axis=1)
    # Shorter names were padded with NULs, which now stand first.
    return pl.Series(points[: len(names)].tolist(), dtype=pl.String).str.strip_chars_start("\0")


def _toneless_pinyin(names: pl.Series) -> pl.Series:
    points = np.frombuffer("".join(names.to_list()).encode("utf-32-le"), dtype=np.uint32)
    characters = [chr(point) for point in np.unique(points)]
    if not characters:
        return names  # a file without a single usable name: there is nothing to replace
    return names.str.replace_many(characters, [f"{_reading(character)} " for character in characters])


@cache
def _reading(character: str) -> str:
    # Imported late: the reading dictionary takes a quarter of a second, and most commands never read a name.
    from pypinyin import Style, lazy_pinyin

    return str(lazy_pinyin(character, style=Style.NORMAL)[0])
