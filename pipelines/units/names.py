"""What is left of a unit's name once the words for its kind are gone, so that spellings can be compared."""

from __future__ import annotations

import polars as pl

# Words that name the kind of unit, by level; those at the end of a name are cut off, however many follow
# one another (南街社区居民委员会 → 南街, 胡村委会 → 胡, 凤栖街道办事处 → 凤栖).
_KINDS = {
    2: "市|地区|自治州|盟",
    3: "自治县|自治旗|县|市|区|旗|林",
    4: "街道|办事处|地区|镇|乡|苏木",
    5: "社区|居民委员会|居民委会|居委会|居委|村民委员会|村民委会|村委会|村委|委员会|村",
}
# What one register writes otherwise than the next: 坣岗 in 2016 is 壆岗 in 2021, 菩堤乡 is 菩提镇.
_VARIANTS = {"坣": "壆", "菩堤": "菩提"}


def clean_name(name: pl.Expr) -> pl.Expr:
    """The name in one spelling: full-width forms, blanks and known variants do not count."""
    return name.str.normalize("NFKC").str.replace_all(r"\s+", "").str.replace_many(_VARIANTS)


def name_stem(name: pl.Expr, level: int) -> pl.Expr:
    """A cleaned name without the words for its kind; the whole name where nothing would be left."""
    if level not in _KINDS:
        return name
    stem = name.str.replace(f"(?:{_KINDS[level]})+$", "")
    return pl.when(stem == "").then(name).otherwise(stem)
