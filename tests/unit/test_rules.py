"""Rules derived from a contract: which there are, what they say, and that every contract yields a sound list."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from expectations.contract import FINDINGS, Contract, load_contracts
from expectations.rules import (
    Between,
    Check,
    InSet,
    IsNull,
    MatchesPattern,
    NoRowWhere,
    NotInSet,
    NotNull,
    cross_file_rules,
    failing_sql,
    file_rules,
    rule_catalogue,
)

DATE = {"name": "opened_date", "title_zh": "启用日期", "title_en": "Opened on", "type": "date"}
CODE = {"name": "code", "title_zh": "代码", "title_en": "Code", "type": "code", "pattern": "[0-9]{3}"}
DOCUMENT = {
    "name": "id_number", "title_zh": "证件号码", "title_en": "Identity number", "type": "text",
    "privacy": "identity_document", "stored_as": "person_id",
}


def contract(*columns: dict[str, Any], **changes: Any) -> Contract:
    """A contract with a code as its key and these further columns."""
    return Contract.model_validate(
        {
            "dataset": "things", "version": 1, "title_zh": "物", "title_en": "Things",
            "agency": "grid_management", "kind": "register", "grain_zh": "一行", "grain_en": "one row",
            "key": ["code"], "columns": [CODE, *columns], **changes,
        }
    )


def checks(*columns: dict[str, Any], sample: bool = False) -> dict[str, Check]:
    """The checks of these columns by rule id, without those of the key column and the key."""
    rules = file_rules(contract(*columns), sample)
    return {rule.id: rule.check for rule in rules if not rule.id.startswith(("code.", "key."))}


def test_a_text_column_is_required_unless_nullable() -> None:
    text = {"name": "name", "title_zh": "名称", "title_en": "Name", "type": "text"}
    assert checks(text) == {"name.required": NotNull("name")}
    assert checks({**text, "is_nullable": True}) == {}


def test_a_date_that_could_not_be_read_is_unreadable_and_not_missing() -> None:
    assert checks(DATE) == {
        "opened_date.required": NoRowWhere('"opened_date" is null and "opened_date_text" is null'),
        "opened_date.readable": IsNull("opened_date_text"),
    }


def test_a_code_has_a_format_a_choice_known_values_and_a_number_a_range() -> None:
    kind = {"name": "kind", "title_zh": "类型", "title_en": "Kind", "type": "choice", "is_nullable": True,
            "values": {"old": ["旧"], "new": ["新", "新式"]}}
    area = {"name": "area_m2", "title_zh": "面积", "title_en": "Area", "type": "decimal", "is_nullable": True,
            "minimum": 0, "maximum": 99.5}
    assert checks(kind, area) == {
        "kind.known_value": InSet("kind", ("old", "new")),
        "area_m2.readable": IsNull("area_m2_text"),
        "area_m2.range": Between("area_m2", 0, 99.5),
    }
    assert file_rules(contract(), False)[1].check == MatchesPattern("code", "[0-9]{3}")


def test_an_identifying_column_has_one_rule_per_finding_on_its_check() -> None:
    found = checks(DOCUMENT)
    assert list(found) == [f"id_number.{finding}" for finding in FINDINGS["identity_document"]]
    assert found["id_number.wrong_length"] == NotInSet("id_number_check", ("wrong_length",))


def test_the_unallotted_prefix_is_no_finding_in_a_sample_county() -> None:
    assert "id_number.unallotted_prefix" in checks(DOCUMENT)
    assert "id_number.unallotted_prefix" not in checks(DOCUMENT, sample=True)


def test_an_absent_number_is_no_finding_where_the_contract_allows_it() -> None:
    assert "id_number.absent" not in checks({**DOCUMENT, "is_nullable": True})
    assert checks({**DOCUMENT, "nullable_when": "code = '000'"})["id_number.absent"] == NoRowWhere(
        "\"id_number_check\" in ('absent') and (code = '000') is not true"
    )


def test_findings_that_were_repaired_are_warnings() -> None:
    severities = {rule.id: rule.severity for rule in file_rules(contract(DOCUMENT), False)}
    assert severities["id_number.bad_check_digit"] == "error"
    assert severities["id_number.lower_case_x"] == "warning"
    assert severities["key.repeated"] == "duplicate"


def test_rules_name_the_contract_columns_and_speak_both_languages() -> None:
    rules = {rule.id: rule for rule in file_rules(contract(DATE, DOCUMENT, key=["person_id", "code"]), False)}
    assert rules["key.unique"].columns == ("id_number", "code")
    assert rules["key.unique"].zh == "同一文件中主键（证件号码、代码）相同而内容不同"
    assert rules["opened_date.readable"].zh == "启用日期无法识别，应为日期"
    assert rules["opened_date.readable"].en == "Opened on: cannot be read as a date"
    assert rules["code.format"].zh == "代码格式不符，应为 3 位数字"


def test_a_contract_rule_keeps_its_id_version_and_severity() -> None:
    own = {"id": "not_nine", "fails_when": "code = '999'", "columns": ["code"], "zh": "不得为 999",
           "en": "is 999", "severity": "warning", "version": 3}
    rule = next(rule for rule in file_rules(contract(rules=[own]), False) if rule.id == "not_nine")
    assert (rule.version, rule.severity, rule.failing_sql) == (3, "warning", "code = '999'")


def test_a_contract_rule_may_not_take_the_id_of_a_derived_rule() -> None:
    own = {"id": "code.format", "fails_when": "false", "columns": ["code"], "zh": "x", "en": "x"}
    with pytest.raises(ValueError, match=r"things: rule id 'code\.format' stands twice"):
        file_rules(contract(rules=[own]), False)


@pytest.mark.parametrize(
    ("check", "failing", "passing"),
    [
        (NotNull("v"), ["null"], ["''"]),
        (IsNull("v"), ["''"], ["null"]),
        (InSet("v", ("a", "it's")), ["'b'", "'A'", "''"], ["'a'", "'it''s'", "null"]),
        (NotInSet("v", ("a",)), ["'a'"], ["'b'", "null"]),
        (MatchesPattern("v", "[0-9]{2}|x"), ["'123'", "'1'", r"E'12\n'", "'xx'", "'１２'"], ["'12'", "'x'", "null"]),
        (Between("v", 0, 10), ["-1", "10.01"], ["0", "10", "null"]),
        (Between("v", None, 0.5), ["0.51"], ["-7", "0.5", "null"]),
        (NoRowWhere("v > 3"), ["4"], ["3", "null"]),
    ],
)
def test_the_condition_of_a_check_finds_what_fails_and_nothing_else(
    check: Check, failing: list[str], passing: list[str]
) -> None:
    def fails(value: str) -> bool:
        query = f"select count(*) from (select {value} as v) where {failing_sql(check)}"
        return bool(duckdb.execute(query).fetchall() == [(1,)])

    assert [value for value in failing if not fails(value)] == []
    assert [value for value in passing if fails(value)] == []


def test_cross_file_rules_follow_from_references_kind_and_the_contract() -> None:
    community = {**CODE, "name": "community_code", "title_zh": "社区", "references": "civil_communities.code"}
    grid = {**CODE, "name": "grid_code", "title_zh": "网格", "references": "grid_grids.grid_code"}
    own = {"id": "odd", "failing_rows": "select batch_id, row_number from rows", "columns": ["code"],
           "zh": "奇", "en": "odd", "reads": ["grid_grids"]}
    event = contract(DATE, community, grid, kind="event", cohort_date="opened_date", cross_rules=[own])
    rules = {rule.id: rule for rule in cross_file_rules(event)}
    assert {id: (rule.kind, rule.reads) for id, rule in rules.items()} == {
        "community_code.exists": ("reference", ()),
        "grid_code.exists": ("reference", ("grid_grids",)),
        "outside_supplier_area": ("outside_supplier_area", ()),
        "key.two_suppliers": ("two_suppliers", ()),
        "key.corrected_later": ("corrected_later", ()),
        "odd": ("contract", ("grid_grids",)),
    }
    assert rules["outside_supplier_area"].columns == ("community_code",)
    assert rules["odd"].failing_rows == "select batch_id, row_number from rows"
    assert [rule.id for rule in cross_file_rules(contract())] == ["key.two_suppliers"]


@pytest.mark.parametrize("dataset", load_contracts())
def test_every_contract_has_a_catalogue_of_distinct_bilingual_rules(dataset: str) -> None:
    known = {column.name for column in load_contracts()[dataset].columns}
    catalogue = rule_catalogue(load_contracts()[dataset], False)
    assert len({rule.id for rule in catalogue}) == len(catalogue)
    assert [rule.id for rule in catalogue if not (rule.zh and rule.en and set(rule.columns) <= known)] == []
