"""Protect: a delivered frame becomes a typed batch in which nobody can be read."""

from __future__ import annotations

import hashlib
import hmac
import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from expectations.contract import FINDINGS, Contract, load_contract, load_contracts
from pipelines.keys import Key
from pipelines.protection import Origin, Protected, protect
from pipelines.protection.protect import LINKING_SCHEMA, lake_schema

VALID = "999000199003070011"
ORIGIN = Origin("b1", "grid_610629101", date(2026, 1, 1))
RESIDENT = {
    "id_type": "居民身份证", "id_number": VALID, "name": "王小明", "sex": "男", "birth_date": "1990-03-07",
    "community_code": "610629101201", "grid_code": "610629101201-001", "residence_type": "流动",
    "arrived_date": "2025/6/1", "left_date": None,
}  # fmt: skip


def delivered(*rows: dict[str, str | None]) -> pl.DataFrame:
    """Rows as the reader gives them: text cells by contract column, numbered from line 3 on."""
    columns = list(rows[0])
    return pl.DataFrame(
        {
            "row_number": pl.Series(range(3, 3 + len(rows)), dtype=pl.Int32),
            **{name: pl.Series([row[name] for row in rows], dtype=pl.String) for name in columns},
        }
    )


def protected(dataset: str, key: Key, *rows: dict[str, str | None], is_sample: bool = True) -> Protected:
    return protect(delivered(*rows), load_contract(dataset), ORIGIN, key, is_sample=is_sample)


def residents(key: Key, *changes: dict[str, str | None]) -> Protected:
    """One row of grid_residents per change of the model resident."""
    return protected("grid_residents", key, *({**RESIDENT, **change} for change in changes))


def pseudonym(key: Key, purpose: str, text: str) -> str:
    """HMAC-SHA-256 by the standard library, as an outsider would compute it."""
    return hmac.new(key.for_purpose(purpose).encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def test_a_row_becomes_typed_and_without_name_number_and_day_of_birth(key: Key) -> None:
    row = residents(key, {}).batch.row(0, named=True)
    assert row == {
        "batch_id": "b1", "row_number": 3, "supplier_id": "grid_610629101", "period": date(2026, 1, 1),
        "contract_version": load_contract("grid_residents").version, "key_id": "hmac-sha256:test",
        "id_type": "resident_id", "person_id": pseudonym(key, "person", VALID), "id_number_check": "valid",
        "name_check": "valid", "sex": "male", "birth_year": 1990, "birth_date_check": "valid",
        "community_code": "610629101201", "grid_code": "610629101201-001", "residence_type": "temporary",
        "arrived_date": date(2025, 6, 1), "arrived_date_text": None, "left_date": None, "left_date_text": None,
    }  # fmt: skip


@pytest.mark.parametrize("contract", load_contracts().values(), ids=lambda contract: contract.dataset)
def test_a_batch_always_has_the_schema_that_the_contract_declares(contract: Contract, key: Key) -> None:
    required = {column.name: "?" for column in contract.columns if column.is_header_required}
    batch = protect(delivered(required), contract, ORIGIN, key, is_sample=True).batch
    assert dict(batch.schema) == lake_schema(contract)
    assert list(batch.schema) == [lake.name for lake in contract.lake_columns()]


def test_an_empty_file_gives_an_empty_batch_of_the_same_schema(key: Key) -> None:
    contract = load_contract("grid_residents")
    found = protect(delivered(RESIDENT).clear(), contract, ORIGIN, key, is_sample=True)
    assert found.batch.is_empty()
    assert dict(found.batch.schema) == lake_schema(contract)
    assert found.linking is not None
    assert dict(found.linking.schema) == LINKING_SCHEMA


def test_a_column_that_the_file_lacks_is_null_throughout(key: Key) -> None:
    rows = delivered(RESIDENT).drop("left_date")
    batch = protect(rows, load_contract("grid_residents"), ORIGIN, key, is_sample=True).batch
    assert batch.select("left_date", "left_date_text").row(0) == (None, None)


def test_a_cell_that_fails_its_cast_keeps_its_text_beside_it(key: Key) -> None:
    batch = residents(key, {"arrived_date": "２０２６年２月３０日"}, {"arrived_date": None}, {}).batch
    assert batch.select("arrived_date", "arrived_date_text").rows() == [
        (None, "2026年2月30日"), (None, None), (date(2025, 6, 1), None),
    ]  # fmt: skip


def test_an_unreadable_birth_date_keeps_its_finding_and_never_its_text(key: Key) -> None:
    texts = ["1990-02-30", None, "1899-12-31", "2026-02-01", "2026-01-31"]
    batch = residents(key, *({"birth_date": text} for text in texts)).batch
    assert batch.select("birth_year", "birth_date_check").rows() == [
        (None, "unreadable"), (None, "absent"), (None, "out_of_range"), (None, "out_of_range"), (2026, "valid"),
    ]  # fmt: skip


def test_each_row_of_a_mixed_file_gets_its_own_document_check(key: Key) -> None:
    batch = residents(
        key,
        {"id_type": "护照", "id_number": "e12345678"},
        {"id_type": "无", "id_number": None},
        {"id_type": "身份证", "id_number": VALID[:17]},
        {"id_type": None},
    ).batch
    assert batch.select("person_id", "id_number_check").rows() == [
        (pseudonym(key, "person", "passport:E12345678"), "lower_case_x"),
        (None, "absent"),
        (None, "wrong_length"),
        (pseudonym(key, "person", VALID), "valid"),
    ]


def test_the_old_and_the_new_form_of_a_number_are_one_person(key: Key) -> None:
    batch = residents(key, {}, {"id_number": "999000900307001"}, {"id_number": "'９９９０００１９９００３０７００１１"}).batch
    assert batch["person_id"].n_unique() == 1


def test_the_same_document_is_the_same_person_in_every_dataset(key: Key) -> None:
    registration = {
        "registration_no": "Z1", "id_type": "身份证", "id_number": VALID, "name": "王小明", "sex": "男",
        "birth_date": "19900307", "community_code": "610629101201", "registered_date": "2025-06-02",
        "valid_to": None, "cancelled_date": None,
    }  # fmt: skip
    found = protected("police_residence_registrations", key, registration).batch
    assert found["person_id"].item() == residents(key, {}).batch["person_id"].item()


def test_the_same_household_number_is_the_same_household_in_both_registers(key: Key) -> None:
    household = {
        "household_no": "H-7", "community_code": "610629101201", "has_door_plate": "有", "household_type": "家庭户",
        "registered_date": "2020-01-01", "cancelled_date": None,
    }  # fmt: skip
    person = {
        "id_type": "身份证", "id_number": VALID, "name": "王小明", "household_no": " Ｈ-7", "sex": "男",
        "birth_date": "1990-03-07", "relation_to_head": "户主", "registered_date": "2020-01-01",
        "cancelled_date": None, "lives_here": "是", "current_community_code": None,
    }  # fmt: skip
    homes = protected("household_households", key, household).batch
    people = protected("household_persons", key, person).batch
    assert homes["household_no"].item() == people["household_no"].item() == pseudonym(key, "reference:household_no", "H-7")


def test_one_text_has_unlike_pseudonyms_for_unlike_purposes(key: Key) -> None:
    purposes = ["person", "reference:household_no", "reference:grid_worker_no", "name", "pinyin", "characters"]
    assert len({pseudonym(key, purpose, VALID) for purpose in purposes}) == len(purposes)


def test_another_key_gives_other_pseudonyms_and_says_so(key: Key) -> None:
    other = Key("hmac-sha256:other", bytes(32))
    one, two = residents(key, {}).batch, residents(other, {}).batch
    assert one["person_id"].item() != two["person_id"].item()
    assert two["key_id"].item() == "hmac-sha256:other"


def test_an_absent_reference_number_has_no_pseudonym(key: Key) -> None:
    grid = {
        "grid_code": "610629101201-001", "community_code": "610629101201", "kind": "综合", "households": "1,200",
        "grid_worker_no": "  ", "building_heads_needed": None, "building_heads": "3", "premises_kind": None,
    }  # fmt: skip
    row = protected("grid_grids", key, grid).batch.row(0, named=True)
    assert (row["grid_worker_no"], row["grid_worker_no_check"]) == (None, "absent")
    assert (row["households"], row["building_heads"]) == (1200, 3)


def test_amounts_are_decimals_and_lists_are_lists(key: Key) -> None:
    facility = {
        "facility_no": "F1", "community_code": "610629101201", "kind": "综合服务设施", "floor_area_m2": "320.5",
        "outdoor_area_m2": None, "acquired_by": "买的", "opened_date": "2020-01-01", "closed_date": None,
        "rooms": "警务室；图书室", "renovated_date": None,
    }  # fmt: skip
    row = protected("civil_facilities", key, facility).batch.row(0, named=True)
    assert row["floor_area_m2"] == Decimal("320.50")
    assert row["rooms"] == ["警务室", "图书室"]
    assert row["acquired_by"] == "买的"  # an unknown spelling stays for the rule that refuses it


def test_only_valid_names_have_linking_keys(key: Key) -> None:
    linking = residents(key, {}, {"name": None}, {"name": "王*明"}, {"name": "王"}, {"name": "王 小 明"}).linking
    assert linking is not None
    assert dict(linking.schema) == LINKING_SCHEMA
    assert linking["row_number"].to_list() == [3, 7]
    assert linking["name_key"].n_unique() == 1


def test_a_dataset_without_names_has_no_linking_keys(key: Key) -> None:
    dispute = {
        "dispute_no": "D1", "community_code": "610629101201", "kind": "民事", "channel": "人民调解",
        "accepted_date": "2026-01-02", "due_date": None, "handled_date": None, "result": "处理中", "deaths": "0",
        "injuries": None,
    }  # fmt: skip
    assert protected("grid_disputes", key, dispute).linking is None


# One person per way in which an identifying cell can be wrong; none of these texts may come out again.
SPOILT = [
    {"id_number": "999000199003070012", "name": "赵钱孙", "birth_date": "1990年3月7日"},
    {"id_number": "99900019900307001", "name": "周吴郑", "birth_date": "1990-13-07"},
    {"id_number": "9.99000199003070E+17", "name": "冯陈褚9", "birth_date": "07/03/1990"},
    {"id_number": "'999000199003070011", "name": "买买提・吐尔逊", "birth_date": "18900307"},
    {"id_number": "９９９０００１９９００３０７００１１", "name": "长" * 51, "birth_date": "2090-03-07"},
    {"id_number": "99900019900307002x", "name": "𠮷田", "birth_date": "九零年三月"},
    {"id_number": "999000900307001", "name": "?韩杨?", "birth_date": "1990.3.7"},
    {"id_type": "护照", "id_number": "e1234-5678", "name": "Anna Lee", "birth_date": "19900307"},
    {"id_type": "不认识", "id_number": "Q7654321", "name": "朱秦尤", "birth_date": "1990/3/7"},
]


def texts_of(frame: pl.DataFrame) -> set[str]:
    return {str(value) for row in frame.rows() for value in row}


@pytest.mark.parametrize("is_sample", [True, False])
def test_no_identifying_cell_comes_out_whatever_was_wrong_with_it(key: Key, is_sample: bool) -> None:
    rows = [{**RESIDENT, **spoilt} for spoilt in SPOILT]
    found = protected("grid_residents", key, *rows, is_sample=is_sample)
    assert found.linking is not None
    secrets = {
        form
        for spoilt in SPOILT
        for name in ("id_number", "name", "birth_date")
        for form in (spoilt[name], spoilt[name].upper(), spoilt[name].strip("'"))
    } | {VALID, "99900019900307002X", "买买提·吐尔逊"}
    for frame in (found.batch, found.linking):
        content = "\n".join(texts_of(frame))
        assert [secret for secret in secrets if secret in content] == []
        file = io.BytesIO()
        frame.write_parquet(file, compression="uncompressed")
        for encoding in ("utf-8", "gb18030", "utf-16-le"):
            raw = [secret for secret in secrets if secret.encode(encoding) in file.getvalue()]
            assert raw == [], encoding


def test_every_finding_that_comes_out_is_one_that_a_rule_knows(key: Key) -> None:
    batch = residents(key, *SPOILT).batch
    for privacy, column in (("identity_document", "id_number"), ("name", "name"), ("birth_date", "birth_date")):
        known = {"valid", *FINDINGS[privacy]}  # type: ignore[index]
        assert set(batch[f"{column}_check"]) <= known


def test_the_origin_stands_in_every_row(key: Key) -> None:
    origin = replace(ORIGIN, batch_id="b2", supplier_id="grid_610629102", period=date(2026, 2, 1))
    batch = protect(
        delivered(RESIDENT, RESIDENT), load_contract("grid_residents"), origin, key, is_sample=True
    ).batch
    assert batch.select("batch_id", "supplier_id", "period").unique().rows() == [
        ("b2", "grid_610629102", date(2026, 2, 1))
    ]
