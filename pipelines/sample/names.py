"""Names composed from single characters, and identity numbers that belong to nobody.

Numbers carry the area prefix 999, which was never allotted, and a valid check character, so none is the number
of a living person (GB 11643). Names are combinations of frequent characters, taken from no list of people.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.sample.chance import Flags, Integers

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)
_DOUBLE_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "东方", "皇甫")
_GIVEN_MALE = (
    "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林洋建国志文海峰成东云山永宏新安福生德正"
)
_GIVEN_FEMALE = (
    "芳娜敏静丽艳娟霞秀燕玲桂英梅红玉萍兰洁雪琴莹慧颖佳欣婷倩雅琳晶璐瑶悦蓉云凤春香月莉爱彩淑珍翠巧"
)
# Characters outside the twenty thousand usual ones: GB 18030-2022 holds them, older code pages do not.
_RARE = ("㛃", "䶮", "𬭎", "𫖯", "𬍛", "𠅤", "𣲘", "䴕")
_FOREIGN_PARTS = ("安娜", "马可", "伊万", "索菲", "卡洛斯", "玛丽", "迈克", "阿里", "丹尼尔", "露西")
RARE_SHARE, DOUBLE_SHARE, TWO_CHARACTER_SHARE = 0.0008, 0.004, 0.18
_WEIGHTS = np.array([pow(2, 17 - place, 11) for place in range(17)], dtype=np.int64)
_CHECK_CHARACTERS = np.frombuffer(b"10X98765432", dtype=np.uint8)
_PREFIX = 999
_MOST_PER_DAY = 500


def compose_names(is_male: Flags, is_foreign: Flags, chance: np.random.Generator) -> pl.Series:
    """One name per person: surname and one or two characters; foreigners have two parts around a ·."""
    count = len(is_male)
    singles = pl.Series([*_SURNAMES, *_DOUBLE_SURNAMES])
    # Squaring the draw makes the first surnames frequent, as they are in life.
    surname = (chance.random(count) ** 2 * len(_SURNAMES)).astype(np.int64)
    is_double = chance.random(count) < DOUBLE_SHARE
    doubles = len(_SURNAMES) + chance.integers(0, len(_DOUBLE_SURNAMES), count)
    first, second = (_given(is_male, chance) for _ in range(2))
    rare = pl.Series(_RARE).gather(chance.integers(0, len(_RARE), count))
    parts = pl.Series(_FOREIGN_PARTS)
    given, family = (parts.gather(chance.integers(0, len(parts), count)) for _ in range(2))
    frame = pl.DataFrame(
        {
            "surname": singles.gather(np.where(is_double, doubles, surname)),
            "first": first,
            "second": second,
            "rare": rare,
            "is_rare": chance.random(count) < RARE_SHARE,
            "is_short": chance.random(count) < TWO_CHARACTER_SHARE,
            "is_foreign": is_foreign,
            "foreign": given + "·" + family,
        }
    )
    last = (
        pl.when(pl.col("is_rare")).then("rare").when(pl.col("is_short")).then(pl.lit("")).otherwise("second")
    )
    native = pl.col("surname") + pl.col("first") + last
    return frame.select(name=pl.when(pl.col("is_foreign")).then("foreign").otherwise(native)).get_column(
        "name"
    )


def _given(is_male: Flags, chance: np.random.Generator) -> pl.Series:
    pool = pl.Series([*_GIVEN_MALE, *_GIVEN_FEMALE])
    draw = chance.random(len(is_male))
    male = (draw * len(_GIVEN_MALE)).astype(np.int64)
    female = len(_GIVEN_MALE) + (draw * len(_GIVEN_FEMALE)).astype(np.int64)
    return pool.gather(np.where(is_male, male, female))


def compose_numbers(birth_days: Integers, is_male: Flags, area: Integers) -> pl.Series:
    """An identity number of 18 characters per person, all different.

    `birth_days`: days since 1970-01-01; `area`: 0–999. ValueError where more than 500 people of one sex and
    area were born on one day, which the three digits of the sequence cannot tell apart.
    """
    sequence = _rank_in_group(birth_days * 2000 + area * 2 + is_male)
    if len(sequence) and int(sequence.max()) >= _MOST_PER_DAY:
        raise ValueError("too many people of one area share a birth date; spread them over more areas")
    dates = pl.Series(birth_days.astype(np.int32)).cast(pl.Date)
    text = (
        pl.DataFrame({"area": area, "born": dates, "sequence": sequence * 2 + is_male})
        .select(
            pl.concat_str(
                pl.lit(str(_PREFIX)),
                pl.col("area").cast(pl.String).str.zfill(3),
                pl.col("born").dt.strftime("%Y%m%d"),
                pl.col("sequence").cast(pl.String).str.zfill(3),
            )
        )
        .to_series()
    )
    return text + check_characters(text)


def check_characters(numbers: pl.Series) -> pl.Series:
    """The check character of each number, of which the first 17 digits are read (GB 11643, MOD 11-2)."""
    if numbers.is_empty():
        return pl.Series([], dtype=pl.String)
    joined = "".join(numbers.str.slice(0, 17).to_list()).encode("ascii")
    digits = np.frombuffer(joined, dtype=np.uint8).reshape(-1, 17).astype(np.int64) - ord("0")
    found = _CHECK_CHARACTERS[(digits @ _WEIGHTS) % 11]
    return pl.Series(list(found.tobytes().decode("ascii")), dtype=pl.String)


def compose_passports(count: int) -> pl.Series:
    """Passport numbers of a series that no country issues."""
    return pl.Series([f"X99{number:06d}" for number in range(1, count + 1)], dtype=pl.String)


def ages_to_birth_days(
    groups: Integers, edges: Integers, reference_day: int, chance: np.random.Generator
) -> Integers:
    """A birth day (days since 1970-01-01) for each age group; `edges` are the groups' first years of age."""
    years = chance.uniform(edges[groups], edges[groups + 1])
    days: Integers = np.floor(years * 365.2425).astype(np.int64)
    return reference_day - 1 - days


def _rank_in_group(groups: Integers) -> Integers:
    """0, 1, 2 … within each group, in the order of the rows."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    is_first = np.ones(len(ordered), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    places = np.arange(len(ordered), dtype=np.int64)
    starts = np.maximum.accumulate(np.where(is_first, places, 0))
    ranks = np.empty(len(ordered), dtype=np.int64)
    ranks[order] = places - starts
    return ranks
