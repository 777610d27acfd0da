"""Names: one spelling, what is wrong with one, and keys that are equal exactly where two names should meet."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.keys import Key
from pipelines.protection.linking import examine_names, linking_keys, normalise_name


def normalised(text: str | None) -> str | None:
    frame = pl.DataFrame({"name": [text]}, schema={"name": pl.String})
    name: str | None = frame.select(normalise_name(pl.col("name"))).item()
    return name


def finding(text: str | None) -> str:
    name = normalised(text)
    frame = pl.DataFrame({"name": [name]}, schema={"name": pl.String})
    return str(frame.select(examine_names(pl.col("name"))).item())


def keys_of(key: Key, *names: str | None) -> pl.DataFrame:
    return linking_keys(pl.Series("name", names, dtype=pl.String), key)


@pytest.mark.parametrize(
    ("delivered", "name"),
    [
        (" 王小明　", "王小明"),
        ("王 小 明", "王小明"),
        ("欧　阳 娜  娜", "欧阳娜娜"),
        ("买买提・吐尔逊", "买买提·吐尔逊"),
        ("买买提•吐尔逊", "买买提·吐尔逊"),
        ("买买提‧吐尔逊", "买买提·吐尔逊"),
        ("买买提 · 吐尔逊", "买买提·吐尔逊"),
        ("Ａｎｎａ Lee", "Anna Lee"),
    ],
)
def test_one_name_has_one_spelling(delivered: str, name: str) -> None:
    assert normalised(delivered) == name


@pytest.mark.parametrize(
    "name",
    [
        "王小明",
        "买买提·吐尔逊",
        "Anna-Marie O'Neil",
        "𠮷田",  # extension B
        "㛃𬭊",  # extensions A and E
        "𰻞𱍐",  # extension G
        "\ue863某",  # private use, as files written for GB 18030-2005 have it
        "长" * 50,
    ],
)
def test_real_names_are_valid_however_rare_their_characters(name: str) -> None:
    assert finding(name) == "valid"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, "absent"), ("", "absent"), ("　", "absent"),
        ("长" * 51, "too_long"), ("𠮷" * 51, "too_long"),
        ("王小明1", "bad_characters"), ("王*明", "bad_characters"), ("王小明(女)", "bad_characters"),
        ("·王小明", "bad_characters"), ("?", "bad_characters"), ("=王小明", "bad_characters"),
    ],
)  # fmt: skip
def test_what_is_no_name_says_why(name: str | None, expected: str) -> None:
    assert finding(name) == expected


def test_fifty_characters_are_counted_as_characters_and_not_as_bytes() -> None:
    assert finding("𠮷" * 50) == "valid"


def test_swapped_characters_meet_in_the_characters_key_alone(key: Key) -> None:
    keys = keys_of(key, "王小明", "王明小")
    assert keys["characters_key"].n_unique() == 1
    assert keys["name_key"].n_unique() == 2
    assert keys["pinyin_key"].n_unique() == 2


def test_names_that_sound_alike_meet_in_the_pinyin_key_alone(key: Key) -> None:
    keys = keys_of(key, "张伟", "章玮")
    assert keys["pinyin_key"].n_unique() == 1
    assert keys["name_key"].n_unique() == 2
    assert keys["characters_key"].n_unique() == 2


def test_syllables_do_not_run_together(key: Key) -> None:
    # xi an and xian: without a border between syllables these would meet.
    assert keys_of(key, "李西安", "李先")["pinyin_key"].n_unique() == 2


def test_a_surname_alone_has_no_key(key: Key) -> None:
    assert keys_of(key, "王", None, "王小明").select(pl.all().is_null()).rows() == [
        (True, True, True), (True, True, True), (False, False, False),
    ]  # fmt: skip


def test_the_three_forms_of_a_name_have_keys_of_their_own(key: Key) -> None:
    # 'ab' is its own pinyin and its own sorted characters: equal text, yet no two keys may be comparable.
    assert len(set(keys_of(key, "ab").row(0))) == 3


def test_another_secret_gives_other_keys(key: Key) -> None:
    other = Key("hmac-sha256:other", bytes(32))
    assert not set(keys_of(key, "王小明").row(0)) & set(keys_of(other, "王小明").row(0))


def test_keys_stand_in_the_order_of_the_names(key: Key) -> None:
    alone = [keys_of(key, name).row(0) for name in ("王小明", "张伟", "王小明")]
    assert keys_of(key, "王小明", "张伟", "王小明").rows() == alone


def test_a_character_without_a_known_reading_still_gives_keys(key: Key) -> None:
    assert None not in keys_of(key, "\ue863某").row(0)
