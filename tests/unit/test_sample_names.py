"""Composed names and numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.sample.chance import spread, stream
from pipelines.sample.names import check_characters, compose_names, compose_numbers


def test_the_check_character_is_that_of_the_standards_own_example() -> None:
    # GB 11643-1999, the example of its appendix: 11010519491231002X; and one that ends in a digit.
    assert check_characters(pl.Series(["11010519491231002", "440524188001010014"])).to_list() == ["X", "4"]


def test_people_of_one_day_sex_and_area_get_different_numbers() -> None:
    days = np.zeros(400, dtype=np.int64)
    numbers = compose_numbers(days, days == 0, days + 7)
    assert numbers.n_unique() == 400
    assert numbers[0][:17] == "99900719700101001"
    assert set(numbers.str.slice(16, 1)) == set("13579")


def test_more_people_of_one_day_than_the_sequence_can_tell_apart_are_refused() -> None:
    days = np.zeros(501, dtype=np.int64)
    with pytest.raises(ValueError, match="too many people"):
        compose_numbers(days, days == 0, days)


def test_names_are_of_letters_only_and_some_have_a_separator_or_a_rare_character() -> None:
    count = 20_000
    is_foreign = np.arange(count) < 50
    names = compose_names(np.arange(count) % 2 == 0, is_foreign, stream(1, "names"))
    assert names.str.len_chars().max() <= 50
    assert names[:50].str.contains("^\\p{Han}+·\\p{Han}+$").all()
    assert names[50:].str.contains("^\\p{Han}{2,4}$").all()
    # A character that takes four bytes in GB 18030 lies outside the older character sets.
    assert any(len(name.encode("gb18030")) > 2 * len(name) for name in names[50:])
    assert names.n_unique() > count / 4


def test_spreading_gives_whole_parts_that_sum_to_the_total() -> None:
    assert spread(10, np.array([1.0, 1.0, 1.0])).tolist() == [4, 3, 3]
    assert spread(7, np.array([0.0, 5.0, 1.0])).sum() == 7
