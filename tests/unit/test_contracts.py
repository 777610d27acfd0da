"""Contracts: what the model refuses, and what every shipped contract must hold."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from pydantic import ValidationError

from expectations.contract import Contract, load_contract, load_contracts
from pipelines.reading.header import is_forbidden, normalise_header

MINIMAL: dict[str, Any] = {
    "dataset": "small",
    "version": 1,
    "title_zh": "小",
    "title_en": "Small",
    "agency": "police",
    "kind": "register",
    "grain_zh": "每项一行",
    "grain_en": "one row per item",
    "key": ["number"],
    "columns": [
        {"name": "number", "title_zh": "编号", "title_en": "Number", "type": "text", "aliases": ["序号"]},
        {"name": "kind", "title_zh": "类型", "title_en": "Kind", "type": "choice", "values": {"a": ["甲"]}},
    ],
}
CONTRACTS = pytest.mark.parametrize("contract", load_contracts().values(), ids=lambda contract: contract.dataset)


def changed(**changes: Any) -> dict[str, Any]:
    return {**MINIMAL, **changes}


def with_column(**column: Any) -> dict[str, Any]:
    added = {"name": "more", "title_zh": "更多", "title_en": "More", "type": "text", **column}
    return changed(columns=[*MINIMAL["columns"], added])


def test_the_minimal_contract_is_valid() -> None:
    assert Contract.model_validate(MINIMAL).column("number").headers == ("编号", "序号")


@pytest.mark.parametrize(
    "content",
    [
        changed(owner="police"),
        with_column(nullable=True),
        changed(rules=[{"id": "r", "fails_when": "true", "columns": [], "zh": "规", "en": "r", "sql": "x"}]),
    ],
)
def test_an_unknown_key_is_refused_at_every_depth(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Contract.model_validate(content)


@pytest.mark.parametrize(
    ("attribute", "column"),
    [
        ("ethnic", {"title_zh": "民族"}),
        ("ethnic", {"name": "ethnic_group"}),
        ("political", {"title_zh": "政治面貌"}),
        ("religious", {"aliases": ["宗教信仰"]}),
        ("health", {"title_zh": "健康状况"}),
        ("reproductive", {"aliases": ["婚育状况"]}),
    ],
)
def test_an_attribute_that_is_never_stored_is_refused_by_name(attribute: str, column: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=f"is a {attribute} attribute"):
        Contract.model_validate(with_column(**column))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (with_column(title_zh="编号"), "means two columns"),
        (with_column(aliases=["序号"]), "means two columns"),
        (with_column(name="number"), "stands twice"),
        (changed(key=["absent"]), "is not stored"),
        (with_column(type="choice"), "go together"),
        (with_column(values={"a": ["甲"]}), "go together"),
        (with_column(type="choice", values={"a": ["甲"], "b": ["乙", "甲"]}), "means two values"),
        (with_column(type="code"), "needs a pattern"),
        (with_column(type="number"), "Input should be"),
        (with_column(privacy="secret"), "Input should be"),
        (changed(kind="event"), "cohort_date"),
        (changed(cohort_date="number"), "cohort_date"),
        (changed(kind="event", cohort_date="happened_date"), "is not stored"),
        (changed(version="one"), "valid integer"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(content: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Contract.model_validate(content)


def test_a_file_named_otherwise_than_its_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text(yaml.safe_dump(MINIMAL, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.yml: dataset is 'small'"):
        load_contracts(tmp_path)


def test_a_contract_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_contract("grid_grids").version = 2  # type: ignore[misc]


def test_an_unknown_dataset_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="grid_residents"):
        load_contract("grid_resident")


@CONTRACTS
def test_no_identifying_cell_is_stored_as_it_was_delivered(contract: Contract) -> None:
    for column in contract.columns:
        stored = {lake.name for lake in column.lake_columns()}
        if column.privacy != "none":
            assert column.text_name not in stored
        if column.privacy in ("identity_document", "birth_date", "name"):
            assert column.name not in stored


@CONTRACTS
def test_columns_that_identify_a_person_are_declared_as_such(contract: Contract) -> None:
    identifying = {"id_number": "identity_document", "name": "name", "birth_date": "birth_date"}
    people = "id_number" in {column.name for column in contract.columns}
    for column in contract.columns:
        if people and column.name in identifying:
            assert column.privacy == identifying[column.name]


@CONTRACTS
def test_no_two_columns_of_a_batch_have_one_name(contract: Contract) -> None:
    names = Counter(lake.name for lake in contract.lake_columns())
    assert [name for name, count in names.items() if count > 1] == []


@CONTRACTS
def test_every_spelling_of_a_choice_is_one_that_a_normalised_cell_can_have(contract: Contract) -> None:
    spellings = [text for column in contract.columns for texts in column.values.values() for text in texts]
    assert [text for text in spellings if unicodedata.normalize("NFKC", text).strip() != text] == []


@CONTRACTS
def test_a_header_means_one_column_however_it_is_written_and_is_never_dropped_at_the_door(contract: Contract) -> None:
    meant: dict[str, set[str]] = {}
    for column in contract.columns:
        for header in map(normalise_header, column.headers):
            meant.setdefault(header, set()).add(column.name)
    assert [header for header, columns in meant.items() if len(columns) > 1 or is_forbidden(header)] == []


@CONTRACTS
def test_no_cell_of_a_key_may_be_empty_without_a_finding(contract: Contract) -> None:
    # rows without a whole key are compared with none, so an empty cell would let a row in twice
    parts = [column for column in contract.columns if column.stored_name in contract.key]
    assert len(parts) == len(contract.key)
    assert [column.name for column in parts if column.is_nullable] == []
    assert [column.name for column in parts if column.nullable_when and column.privacy != "identity_document"] == []


@CONTRACTS
def test_no_stored_name_is_a_word_that_sql_keeps_for_itself(contract: Contract) -> None:
    stored = {lake.name for lake in contract.lake_columns()}
    words = "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
    assert stored & {word for (word,) in duckdb.execute(words).fetchall()} == set()


@CONTRACTS
def test_rules_name_columns_and_conditions_that_exist(contract: Contract) -> None:
    with duckdb.connect() as connection:
        columns = ", ".join(f'"{lake.name}" {lake.duckdb_type}' for lake in contract.lake_columns())
        connection.execute(f"create table rows ({columns})")
        for rule in contract.rules:
            connection.execute(f"select * from rows where {rule.fails_when}")
            assert {contract.column(name).name for name in rule.columns} == set(rule.columns)
        for column in contract.columns:
            if column.nullable_when:
                connection.execute(f"select * from rows where {column.nullable_when}")


@CONTRACTS
def test_references_name_a_column_of_another_contract(contract: Contract) -> None:
    for column in contract.columns:
        if column.references:
            dataset, _, name = column.references.partition(".")
            assert load_contract(dataset).column(name).name == name
    for rule in contract.cross_rules:
        assert set(rule.reads) <= set(load_contracts())


@CONTRACTS
def test_every_text_that_people_read_is_there_in_both_languages(contract: Contract) -> None:
    said = [contract, *contract.columns]
    ruled = [*contract.rules, *contract.cross_rules]
    assert all(one.title_zh.strip() and one.title_en.strip() for one in said)
    assert all(rule.zh.strip() and rule.en.strip() for rule in ruled)
