"""Identity documents: check characters, every finding by an example, and no digit lost on the way."""

from __future__ import annotations

import random
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.contract import IDENTITY_FINDINGS
from pipelines.protection.identity import check_characters, examine

# All numbers of residents here have the unallotted prefix 999: they can be nobody's.
# 9·7 + 9·9 + 9·10 + 1·2 + 9·1 + 9·6 + 3·9 + 7·5 + 1·2 = 363 = 33·11 + 0, so the check character is '1'.
VALID = "999000199003070011"
ENDS_WITH_X = "99900019900307002X"  # 363 + 2 = 365 = 33·11 + 2: 'X'


def examined(number: str | None, kind: str | None = "resident_id", *, is_sample: bool = True) -> tuple[str, str | None]:
    frame = pl.DataFrame({"number": [number], "kind": [kind]}, schema={"number": pl.String, "kind": pl.String})
    row = examine(frame, "number", "kind", is_sample=is_sample).row(0, named=True)
    return row["finding"], row["canonical"]


def check_character(first_17: str) -> str:
    """GB 11643, annex: the definition, digit by digit."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    remainder = sum(int(digit) * weight for digit, weight in zip(first_17, weights, strict=True)) % 11
    return "10X98765432"[remainder]


def composed_numbers(count: int) -> list[str]:
    """Valid numbers with the prefix 999, spread over regions, days and sequence numbers."""
    chance = random.Random(20260105)
    numbers = []
    for _ in range(count):
        day = date(1900, 1, 1) + timedelta(days=chance.randrange(46_000))
        first_17 = f"999{chance.randrange(1000):03}{day:%Y%m%d}{chance.randrange(1000):03}"
        numbers.append(first_17 + check_character(first_17))
    return numbers


@pytest.mark.parametrize(
    ("first_17", "expected"),
    [
        ("99900019900307001", "1"),  # 363 mod 11 = 0
        ("99900019900307002", "X"),  # 365 mod 11 = 2
        ("99900019900307003", "8"),  # 367 mod 11 = 4
        ("99900019900307006", "2"),  # 373 mod 11 = 10
        ("99900019900307007", "0"),  # 375 mod 11 = 1
    ],
)
def test_the_check_character_is_the_one_computed_by_hand(first_17: str, expected: str) -> None:
    assert check_characters(pl.Series([first_17])).to_list() == [expected]


def test_a_hundred_thousand_numbers_come_through_bit_for_bit() -> None:
    numbers = composed_numbers(100_000)
    examined_numbers = examine(pl.DataFrame({"number": numbers}), "number", None, is_sample=True)
    assert examined_numbers["canonical"].to_list() == numbers
    assert set(examined_numbers["finding"]) == {"valid"}


@given(st.from_regex(r"[0-9]{17}", fullmatch=True))
def test_the_check_character_follows_the_definition_for_any_digits(first_17: str) -> None:
    assert check_characters(pl.Series([first_17])).to_list() == [check_character(first_17)]


@given(st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(place: int, shift: int) -> None:
    wrong = str((int(VALID[place]) + shift) % 10)
    finding, canonical = examined(VALID[:place] + wrong + VALID[place + 1 :])
    assert finding in ("bad_check_digit", "bad_birth_date")
    assert canonical is None


@given(st.integers(0, 16))
def test_two_swapped_neighbours_are_always_found(place: int) -> None:
    swapped = VALID[:place] + VALID[place + 1] + VALID[place] + VALID[place + 2 :]
    assert (examined(swapped)[0] == "valid") == (swapped == VALID)


FINDINGS = [
    ("absent", None), ("absent", ""), ("absent", "　 "),
    ("wrong_length", VALID[:17]), ("wrong_length", VALID + "1"), ("wrong_length", "12345X"),
    ("bad_characters", "99900019900307ＡＢ11"), ("bad_characters", "999000 199003070011"),
    ("bad_characters", "身份证"), ("bad_characters", "X99000199003070011"),
    ("bad_check_digit", "999000199003070012"), ("bad_check_digit", "99900019900307001X"),
    ("bad_birth_date", "999000199002300014"), ("bad_birth_date", "999000901301001"),
    ("float_mangled", "9.99000199003070E+17"), ("float_mangled", "9.99E17"), ("float_mangled", "999000199003070000.0"),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "number"), FINDINGS)
def test_an_unusable_number_has_its_own_finding_and_no_canonical_form(finding: str, number: str | None) -> None:
    assert examined(number) == (finding, None)


REPAIRS = [
    ("valid", VALID, VALID),
    ("valid", f"  {VALID}　", VALID),
    ("valid", ENDS_WITH_X, ENDS_WITH_X),
    ("lower_case_x", ENDS_WITH_X.lower(), ENDS_WITH_X),
    ("full_width", "９９９０００１９９００３０７００１１", VALID),
    ("full_width", "99900019900307002Ｘ", ENDS_WITH_X),
    ("apostrophe", f"'{VALID}", VALID),
    ("apostrophe", f"’{VALID}", VALID),
    ("apostrophe", f"`{VALID}", VALID),
    ("converted_15_digit", "999000900307001", VALID),
]


@pytest.mark.parametrize(("finding", "number", "canonical"), REPAIRS)
def test_a_repaired_number_is_the_same_person_and_says_what_was_repaired(
    finding: str, number: str, canonical: str
) -> None:
    assert examined(number) == (finding, canonical)


def test_the_unallotted_prefix_is_a_finding_unless_the_county_is_a_sample() -> None:
    assert examined(VALID, is_sample=False) == ("unallotted_prefix", None)
    assert examined("999000900307001", is_sample=False) == ("unallotted_prefix", None)


@pytest.mark.parametrize("kind", ["resident_id", "hmt_permit", "foreign_permanent", "none", "其他证件", None])
def test_no_kind_of_document_lets_a_composed_number_into_a_real_county(kind: str | None) -> None:
    assert examined(VALID, kind, is_sample=False) == ("unallotted_prefix", None)


def test_every_declared_finding_has_an_example_here() -> None:
    shown = {finding for finding, *_ in FINDINGS} | {finding for finding, *_ in REPAIRS} | {"unallotted_prefix"}
    assert shown == set(IDENTITY_FINDINGS) | {"valid"}


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("hmt_permit", "810000199408230021"),  # 253 mod 11 = 0
        ("foreign_permanent", "911124198108030024"),  # 272 mod 11 = 8
    ],
)
def test_residence_permits_have_the_same_check_character(kind: str, number: str) -> None:
    assert examined(number, kind, is_sample=False) == ("valid", number)
    assert examined(number[:17] + "5", kind, is_sample=False) == ("bad_check_digit", None)


def test_the_old_permanent_resident_card_is_three_letters_and_twelve_digits() -> None:
    assert examined("USA110081010001", "foreign_permanent") == ("valid", "foreign_permanent:USA110081010001")
    assert examined("USA11008101000", "foreign_permanent") == ("bad_characters", None)
    assert examined("USA110081010001", "resident_id") == ("bad_characters", None)


@pytest.mark.parametrize(
    ("number", "finding", "canonical"),
    [
        ("E12345678", "valid", "passport:E12345678"),
        ("e12345678", "lower_case_x", "passport:E12345678"),
        ("Ｅ12345678", "full_width", "passport:E12345678"),
        ("123456789", "valid", "passport:123456789"),
        ("999000900307001", "valid", "passport:999000900307001"),  # 15 digits may be a passport's
        ("E123", "bad_characters", None),
        ("E1234-5678", "bad_characters", None),
        ("护照", "bad_characters", None),
    ],
)
def test_a_passport_is_letters_and_digits(number: str, finding: str, canonical: str | None) -> None:
    assert examined(number, "passport") == (finding, canonical)


def test_a_passport_is_never_the_same_person_as_a_card_of_the_same_digits() -> None:
    assert examined("12345678901234567", "passport")[1] == "passport:12345678901234567"
    assert examined("12345678901234567", "resident_id")[1] is None


def test_rows_stay_in_their_order_whatever_is_wrong_with_them() -> None:
    frame = pl.DataFrame({"number": [VALID, None, "x", ENDS_WITH_X, VALID[:5]]})
    found = examine(frame, "number", None, is_sample=True)
    assert found["finding"].to_list() == ["valid", "absent", "bad_characters", "valid", "wrong_length"]
    assert found["canonical"].to_list() == [VALID, None, None, ENDS_WITH_X, None]


def test_an_empty_file_has_no_findings() -> None:
    found = examine(pl.DataFrame({"number": []}, schema={"number": pl.String}), "number", None, is_sample=True)
    assert found.is_empty()
