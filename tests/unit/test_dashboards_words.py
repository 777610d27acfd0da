"""Texts exist in both languages, states are told apart without colour, and lists agree with their sources."""

from __future__ import annotations

import csv
import re
import string
from pathlib import Path

import pytest

import dashboards
from dashboards import words
from dashboards.records import STATES as ORDER
from expectations.contract import load_contracts
from pipelines.errors import Words
from pipelines.settings import REPO

CSS = (Path(dashboards.__file__).parent / "assets" / "pages.css").read_text("utf-8")
TABLES = [value for value in vars(words).values() if isinstance(value, dict)]
EVERY = [text for table in TABLES for text in table.values() if isinstance(text, Words)]


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: str, fill: str) -> float:
    light, dark = sorted((luminance(ink), luminance(fill)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_says_the_same_values_in_both_languages() -> None:
    assert len(EVERY) > 100
    for text in EVERY:
        assert text.zh and text.en
        assert fields(text.zh) == fields(text.en), text


def test_english_texts_are_english() -> None:
    # The sample mark is the one exception: it is the same on every page, whatever the language.
    assert [text.en for text in EVERY if re.search(r"[\u4e00-\u9fff]", text.en.replace("示例数据", ""))] == []


def test_every_state_has_its_own_icon_word_and_place_in_the_order() -> None:
    assert set(words.STATES) == set(ORDER)
    assert len({state.icon for state in words.STATES.values()}) == len(ORDER)
    assert len({state.words.zh for state in words.STATES.values()}) == len(ORDER)
    assert len({state.fill for state in words.STATES.values()}) == len(ORDER)


@pytest.mark.parametrize("state", ORDER)
def test_a_state_can_be_read_and_looks_the_same_in_the_style_sheet(state: str) -> None:
    look = words.STATES[state]
    assert contrast(look.ink, look.fill) >= 4.5
    assert re.search(rf"\.s-{state} {{ color: {look.ink}; background-color: {look.fill};", CSS)
    assert f'td.s-{state}::before {{ content: "{look.icon}"; }}' in CSS


def test_datasets_and_agencies_are_called_what_the_contracts_call_them() -> None:
    contracts = load_contracts()
    titles = {name: Words(contract.title_zh, contract.title_en) for name, contract in contracts.items()}
    assert titles == words.DATASETS
    assert {contract.agency for contract in contracts.values()} <= set(words.AGENCIES)


def declared(key: str) -> set[str]:
    """What the declarations of KPIs give for a key."""
    texts = [path.read_text("utf-8") for path in (REPO / "dbt" / "kpis").glob("*.sql")]
    return {found.strip() for text in texts for found in re.findall(rf"^ +{key}: (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize(
    ("key", "table"), [("unit", words.UNITS), ("domain", words.DOMAINS), ("owner_agency", words.AGENCIES)]
)
def test_every_unit_domain_and_agency_of_a_kpi_has_words(key: str, table: dict[str, Words]) -> None:
    assert declared(key)
    assert declared(key) <= set(table)


def test_every_unit_and_strength_of_a_target_has_words() -> None:
    with (REPO / "dbt" / "seeds" / "targets.csv").open(encoding="utf-8", newline="") as seed:
        targets = list(csv.DictReader(seed))
    assert {target["unit"] for target in targets} <= set(words.UNITS)
    assert {target["strength"] for target in targets} - {"stated"} <= set(words.STRENGTH)
    assert {target["binding"] for target in targets} - {""} <= set(words.BINDING)


def test_trends_and_reliabilities_have_the_words_that_the_model_uses() -> None:
    model = (REPO / "dbt" / "models" / "edition" / "fct_trend.sql").read_text("utf-8")
    tested = model.split("from tested")[0].rpartition("select")[2]
    assert set(re.findall(r"(?:then|else) '(\w+)'", tested)) == set(words.TREND) | set(words.RELIABILITY)


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert words.name_of(words.AGENCIES, "fire_brigade", "zh") == "fire_brigade"
    assert words.name_of(words.AGENCIES, None, "en") == "–"
