"""The ways in which the towns of one county tell the same, and what may be changed in what they tell.

Belongs here: a file written otherwise (`write` of a `Town`), its rows told otherwise, and rows that are changed or added
(`change`). Does not belong here: what follows for figures (see `test_metamorphic`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from expectations.contract import load_contract
from tests.support.delivered_files import lines, workbook_bytes
from tests.support.towns import Books, Files, Place, Row, Table, identity_number, text, with_more

NUMBERS = ("facility_no", "dispute_no", "room_no", "registration_no", "household_no")


# --- the same, written otherwise -------------------------------------------------------------------------------


def in_gb18030(dataset: str, table: Table) -> Files:
    return [("1.csv", lines(*table).encode("gb18030"))]


def as_a_workbook(dataset: str, table: Table) -> Files:
    return [("1.xlsx", workbook_bytes(table))]


def columns_backwards(dataset: str, table: Table) -> Files:
    return [("1.csv", text([line[::-1] for line in table]))]


def headers_by_other_names(dataset: str, table: Table) -> Files:
    names = {column.title_zh: (*column.aliases, column.title_zh)[0] for column in load_contract(dataset).columns}
    return [("1.csv", text([[names[header] for header in table[0]], *table[1:]]))]


def under_a_title(dataset: str, table: Table) -> Files:
    """A title above the header, a note below it and totals at the end."""

    def _line(first: str) -> list[str]:
        return [first, *[""] * (len(table[0]) - 1)]

    return [("1.csv", text([_line("示例县报表"), table[0], _line("说明：按月报送"), *table[1:], _line("合计")]))]


def with_a_column_that_nobody_asked_for(dataset: str, table: Table) -> Files:
    return [("1.csv", text([[*table[0], "天气"], *([*line, "晴"] for line in table[1:])]))]


def delivered_twice(dataset: str, table: Table) -> Files:
    return [("1.csv", text(table)), ("2.csv", text(table))]


def a_wrong_file_first(dataset: str, table: Table) -> Files:
    """Only the first row, and then the right file."""
    return [("1.csv", text(table[:2])), ("2.csv", text(table))]


def a_correction_that_is_refused(dataset: str, table: Table) -> Files:
    return [("1.csv", text(table)), ("2.csv", text(table[1:]))]


# --- the same, told otherwise ----------------------------------------------------------------------------------


def rows_in_another_order(books: Books, at: Place) -> Books:
    chance = Random(at.number)
    return {slot: chance.sample(rows, len(rows)) for slot, rows in books.items()}


def rows_told_three_times(books: Books, at: Place) -> Books:
    return {slot: [*rows, *rows[::-1], *rows] for slot, rows in books.items()}


def numbered_otherwise(row: Row) -> Row:
    return row | {name: f"另{row[name]}号" for name in NUMBERS if name in row}


def with_passports(row: Row) -> Row:
    if "id_number" not in row:
        return row
    return row | {"id_type": "护照", "id_number": f"E{row['id_number'][3:6]}{row['id_number'][14:17]}99"}


def spelled_otherwise(row: Row) -> Row:
    words = {"居民身份证": "身份证", "男": "男性", "流动": "暂住", "民事": "民事纠纷", "成功": "调解成功", "是": "Y", "有": "1"}

    def _spelled(name: str, cell: str) -> str:
        if name.endswith("_date") and cell:
            year, month, day = cell.split("-")
            return f"{year}年{int(month)}月{int(day)}日"
        return words.get(cell, cell)

    return {name: _spelled(name, cell) for name, cell in row.items()}


def told_again_a_month_later(books: Books, at: Place) -> Books:
    january, february = (("grid_disputes", month) for month in at.months)
    return books | {february: [*books[january], *books[february]]}


def registered_with_the_neighbours(books: Books, at: Place) -> Books:
    """Every registration stands in the other community: anywhere in the county counts."""
    other = {at.a: at.b, at.b: at.a}
    found = dict(books)
    for month in at.months:
        slot = ("police_residence_registrations", month)
        found[slot] = [row | {"community_code": other[row["community_code"]]} for row in books[slot]]
    return found


def renamed(**stated: str) -> Callable[[Books, Place], Books]:
    """Community A has another name from February on."""

    def _renamed(books: Books, at: Place) -> Books:
        slot = ("civil_communities", at.months[1])
        changed = [row | ({"name": "新风社区"} | stated if row["code"] == at.a else {}) for row in books[slot]]
        return books | {slot: changed}

    return _renamed


def recoded(books: Books, at: Place) -> Books:
    """Community A has another code from February on."""

    def _recoded(row: Row) -> Row:
        changed = {name: cell.replace(at.a, at.c) for name, cell in row.items()}
        return changed | ({"change_kind": "换码", "predecessor_codes": at.a} if row.get("code") == at.a else {})

    return {slot: [_recoded(row) for row in rows] if slot[1] == at.months[1] else rows for slot, rows in books.items()}


def divided(books: Books, at: Place) -> Books:
    """What lies in the second grid of A, with some of what has no grid, lies in a third community C."""
    people = {at.person(number)["id_number"] for number in (5, 6)}
    moved = {at.own(number) for number in ("H3", "D3", "F3")}

    def _is_moved(dataset: str, row: Row) -> bool:
        if dataset == "police_residence_registrations":
            return row["id_number"] in people
        own = ("grid_code", "facility_no", "dispute_no", "household_no")
        return "community_code" in row and (
            row.get("grid_code") == f"{at.a}-002" or any(row.get(name) in moved for name in own)
        )

    def _divided(dataset: str, rows: list[Row]) -> list[Row]:
        placed = [
            row | {"community_code": at.c} | ({"grid_code": f"{at.c}-001"} if "grid_code" in row else {})
            if _is_moved(dataset, row) else row
            for row in rows
        ]  # fmt: skip
        if dataset == "civil_communities":
            return [*rows, at.community(at.c, "丙社区")]
        if dataset == "police_case_returns":  # one of A's cases was in C
            in_a = sum(int(row["cases"]) for row in rows if row["community_code"] == at.a)
            return [*at.returns(at.a, in_a - 1), *at.returns(at.c, 1), *(row for row in rows if row["community_code"] == at.b)]
        return placed

    return {(dataset, month): _divided(dataset, rows) for (dataset, month), rows in books.items()}


def divided_in_february(books: Books, at: Place) -> Books:
    """C is split off A, in which it lay before, and A stays."""
    january, february = at.months
    stated = {
        "opened_date": f"{february}-01", "change_kind": "拆分", "predecessor_codes": at.a, "moved_grids": f"{at.a}-002",
        "moved_households": at.own("H3"),
    }  # fmt: skip
    found = {slot: rows for slot, rows in books.items() if slot[1] == january}
    found |= {slot: rows for slot, rows in divided(books, at).items() if slot[1] == february}
    slot = ("civil_communities", february)
    return found | {slot: [row | (stated if row["code"] == at.c else {}) for row in found[slot]]}


# --- with one thing changed ------------------------------------------------------------------------------------


def quarantined(at: Place) -> dict[str, list[Row]]:
    """A row about A in each dataset in which one cell cannot be read."""
    return {
        "grid_residents": [at.resident(41, at.a, 1) | {"arrived_date": "去年"}],
        "police_residence_registrations": [at.registration(6, at.a, registered_date="去年")],
        "grid_disputes": [at.dispute("D41", at.a, "01-11", "01-13", "成功") | {"handled_date": "不详"}],
        "household_households": [at.household("H41", at.a, plate=True) | {"has_door_plate": "不详"}],
        "household_persons": [at.registered(42, "H1", at_home=True) | {"lives_here": "不详"}],
        "civil_facilities": [at.facility("F41", at.a, "约五十")],
        "police_rooms": [at.room("J41", at.a) | {"opened_date": "去年"}],
    }


def one_that_passes(at: Place) -> dict[str, list[Row]]:
    return {
        "grid_residents": [at.resident(31, at.a, 1)],
        "police_residence_registrations": [at.registration(31, at.a)],
        "grid_disputes": [at.dispute("D31", at.a, "01-11", "01-13", "成功")],
        "household_households": [at.household("H31", at.a, plate=True)],
        "household_persons": [at.registered(32, "H31", at_home=True)],
    }


def one_that_fails(at: Place) -> dict[str, list[Row]]:
    return {
        "grid_residents": [at.resident(31, at.a, 1)],
        "grid_disputes": [at.dispute("D31", at.a, "01-11")],
        "household_households": [at.household("H31", at.a, plate=False)],
        "household_persons": [at.registered(32, "H31", at_home=False)],
    }


def one_more_to_count(at: Place) -> dict[str, list[Row]]:
    return {"police_rooms": [at.room("J31", at.a)], "civil_facilities": [at.facility("F31", at.a, "10.5")]}


def not_asked_about(at: Place) -> dict[str, list[Row]]:
    """What the definitions leave out: another kind of dispute, what is closed or cancelled, who has moved on."""
    over = f"{at.year - 1}-12-30"
    return {
        "grid_residents": [at.resident(51, at.a, 1) | {"left_date": over}],
        "police_residence_registrations": [at.registration(52, at.a, cancelled_date=over)],
        "grid_disputes": [at.dispute("D51", at.a, "01-11", kind="土地")],
        "household_households": [at.household("H51", at.a, plate=False) | {"cancelled_date": over}],
        "household_persons": [at.registered(53, "H1", at_home=False) | {"cancelled_date": over}],
        "civil_facilities": [at.facility("F51", at.a, "99") | {"closed_date": over}],
        "police_rooms": [at.room("J51", at.a) | {"closed_date": over}],
    }


def without_a_return(books: Books, at: Place) -> Books:
    """C, which is there from the beginning, has not said in January how many crimes there were."""
    found = divided(books, at)
    slot = ("police_case_returns", at.months[0])
    kept = [row for row in found[slot] if (row["community_code"], row["category"]) != (at.c, "刑事案件")]
    return found | {slot: kept}


def merged_without_a_return(books: Books, at: Place) -> Books:
    """The same, and from February on C is a part of A."""
    january, february = at.months
    found = {slot: rows for slot, rows in without_a_return(books, at).items() if slot[1] == january}
    found |= {slot: rows for slot, rows in books.items() if slot[1] == february}
    slot = ("civil_communities", february)
    stated = {"change_kind": "合并", "predecessor_codes": at.c}
    closed = at.community(at.c, "丙社区", closed_date=f"{february}-01")
    return found | {slot: [*(row | (stated if row["code"] == at.a else {}) for row in found[slot]), closed]}


def three_times_as_many(books: Books, at: Place) -> Books:
    """Each row three times, as other people, facilities, disputes and households; thrice the households and cases."""

    def _as_another(row: Row, copy: int) -> Row:
        changed = {name: f"{row[name]}-{copy}" for name in NUMBERS if name in row}
        if "id_number" in row:
            changed["id_number"] = identity_number(f"{row['id_number'][:14]}{int(row['id_number'][14:17]) + 100 * copy:03d}")
        return row | changed

    def _thrice(dataset: str, rows: list[Row]) -> list[Row]:
        if dataset == "civil_communities":
            return rows
        for counted in ("households", "cases"):
            if counted in rows[0]:
                return [row | {counted: f"{3 * int(row[counted])}"} for row in rows]
        return [_as_another(row, copy) for row in rows for copy in range(3)]

    return {(dataset, month): _thrice(dataset, rows) for (dataset, month), rows in books.items()}


def corrected_a_month_later(books: Books, at: Place) -> Books:
    """February's file says that the dispute which January's says is pending was settled in January."""
    slot = ("grid_disputes", at.months[1])
    return books | {slot: [*books[slot], at.dispute("D3", at.a, "01-07", "01-14", "成功", due_date=f"{at.year}-01-15")]}


def made_good(books: Books, at: Place) -> Books:
    """As many actions in A as the plain town's figures of January say are missing."""
    more = with_more(lambda at: {
        # 4 of 6 against 95 %: 2 more; the one cancelled in February makes it 3 there
        "police_residence_registrations": [at.registration(number, at.a, registration_no=at.own(f"Y{number}")) for number in (4, 5, 6)],
        # 45 m² for 160 households against 30 for a hundred: 3 m²
        "civil_facilities": [at.facility("F61", at.a, "3")],
        "police_rooms": [at.room("J61", at.a)],
    })  # fmt: skip
    # 2 of 3 handled, 1 of 2 with success, 2 of 3 with a plate, 2 of 3 at home, one hurt and two cases: 1 each, and 2 cases
    better: dict[str, Row] = {
        at.own("D2"): {"result": "成功"},
        at.own("D3"): {"result": "成功", "handled_date": f"{at.year}-01-14", "injuries": "0"},
        at.own("H3"): {"has_door_plate": "有"},
        at.person(9)["id_number"]: {"lives_here": "是"},
    }

    def _better(row: Row) -> Row:
        names = ("dispute_no", "id_number") if "id_number" in row or "dispute_no" in row else ("household_no",)
        changed = {name: cell for own in names for name, cell in better.get(row.get(own, ""), {}).items() if name in row}
        return row | changed | ({"cases": "0"} if "cases" in row else {})

    return {slot: [_better(row) for row in rows] for slot, rows in more(books, at).items()}


def made_good_but_for_one_step(books: Books, at: Place) -> Books:
    more = with_more(lambda at: {
        "police_residence_registrations": [at.registration(number, at.a, registration_no=at.own(f"Y{number}")) for number in (4, 5)],
        "civil_facilities": [at.facility("F61", at.a, "2.99")],
    })  # fmt: skip
    return more(books, at)
