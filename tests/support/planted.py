"""People planted into deliveries, and the search for them in whatever is written and sent.

A composed name, telephone number and identity number stand in a cell of every column, in a column nobody asked for, in a note
below the table and in a file that is refused; the people of the rows that hold them are looked for by their own numbers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from expectations.contract import Contract, load_contract
from pipelines.errors import Refusal
from pipelines.protection.identity import check_characters
from pipelines.reading.deliveries import read_file
from pipelines.settings import REPO, Home
from tests.support.texts import forms_of

DATASETS = ("grid_disputes", "grid_events", "grid_residents", "police_residence_registrations", "civil_facilities")
MONTH = "2026-01"
OWN = "the people of the rows"
_SURNAME, _PHONE, _BORN = "欧阳", "1390007", "99962919010203"  # a surname and a day of birth that no sample has
Place = tuple[str, str]  # dataset, column
Planted = dict[Place, tuple[str, ...]]


@dataclass(frozen=True)
class Leaky:
    """The county after a run over deliveries with planted people, and everything the command line said."""

    home: Home
    planted: Planted
    said: str


def identity_number(number: int) -> str:
    """A number with a right check character, under the prefix that is allotted to nobody."""
    digits = pl.Series([f"{_BORN}{number:03d}"])
    return f"{digits[0]}{check_characters(digits)[0]}"


def person(number: int) -> tuple[str, str, str]:
    """A name of characters that no sample uses, a telephone number and an identity number."""
    return f"{_SURNAME}{chr(0x7480 + number)}{chr(0x7500 + number)}", f"{_PHONE}{number:04d}", identity_number(number)


def make_leaky(delivered: Home, as_of: date) -> Leaky:
    """Plants people into a delivered and run county, and runs every command over it that tells of rows."""
    home, said = delivered, []
    planted = plant(home)
    temporary = home.root / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root), "TMPDIR": str(temporary), "PYTHONPATH": str(REPO)}
    sheets = ["--all", "--to", str(home.root / "sheets")]  # what suppliers are sent, too, lies where everything is searched
    commands = [
        ["run", "--as-of", f"{as_of}"], ["run", "--as-of", f"{as_of}", "--json"], ["status"], ["alerts", "list"],
        ["steward", "next", "--json"], ["steward", "list"],
        *(["steward", "sheet", supplier, *sheets] for supplier in ("county_police", "county_civil")),
    ]  # fmt: skip
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *command], cwd=REPO, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        said += [done.stdout, done.stderr]
    return Leaky(home, planted, "\n".join(said))


def plant(home: Home) -> Planted:
    """A correction of one delivery per dataset in which each column's cell of one row holds somebody; by dataset, column."""
    planted: Planted = {}
    for dataset in DATASETS:
        contract = load_contract(dataset)
        folder, frame = _longest(home, contract)
        rows = frame.rows()
        identifying = [column.name for column in contract.columns if column.privacy == "identity_document" and column.name in frame.columns]
        planted[dataset, OWN] = tuple(
            cell for name in identifying for cell in frame[name].head(len(frame.columns)).drop_nulls() if len(cell) == 18
        )
        for place, column in enumerate(frame.columns[: len(rows)]):
            planted[dataset, column] = somebody = person(len(planted))
            rows[place] = (*rows[place][:place], told(somebody), *rows[place][place + 1 :])
        planted[dataset, "备注"] = remark = person(len(planted))
        planted[dataset, "note"] = note = person(len(planted))
        _write(folder / "更正.csv", contract, frame.columns, rows, f"联系人{told(remark)}", told(note))
        planted[dataset, "refused"] = lost = person(len(planted))
        text = "\n".join(f"{told(lost)},{number}" for number in range(4))
        (folder / "无表头.csv").write_text(text, encoding="utf-8")
    return planted


def told(somebody: tuple[str, str, str]) -> str:
    """As people write somebody down."""
    name, phone, number = somebody
    return f"{name}{phone} {number}"


def places_found(text: str, planted: Planted) -> set[Place]:
    """Where those stood in deliveries whom a text names in any form, a row's own people among them."""
    if not _IS_NEAR.search(text) and not any(number in text for place, own in planted.items() if place[1] == OWN for number in own):
        return set()
    return {place for place, parts in planted.items() if any(form in text for part in parts for form in forms_of(part))}


def is_kept(place: Place) -> bool:
    """Whether the lake holds a column's cells as they were delivered."""
    dataset, column = place
    return any(one.name == column and one.privacy == "none" for one in load_contract(dataset).columns)


def files_beside_landing(home: Home) -> Iterable[Path]:
    """Every file of a data root but what was delivered."""
    return (
        path for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.is_relative_to(home.landing)
    )  # fmt: skip


_IS_NEAR = re.compile("|".join(re.escape(form) for start in (_SURNAME, _PHONE, _BORN) for form in sorted(forms_of(start))))


def _longest(home: Home, contract: Contract) -> tuple[Path, pl.DataFrame]:
    """The slot of a first month with the most rows, and these as they were delivered."""
    frames = {}
    for path in sorted(home.landing.glob(f"*/{contract.dataset}/{MONTH}/*")):
        with suppress(Refusal):
            frames[path.parent] = read_file(path, contract).frame.drop("row_number")
    return max(frames.items(), key=lambda item: item[1].height)


def _write(path: Path, contract: Contract, columns: list[str], rows: list[tuple[str | None, ...]], remark: str, note: str) -> None:
    titles = {column.name: column.title_zh for column in contract.columns}
    lines = [",".join([*(titles[name] for name in columns), "备注"])]
    lines += [",".join([*("" if cell is None else f'"{cell}"' for cell in row), remark]) for row in rows]
    path.write_text("\n".join([*lines, f"说明：{note}", ""]), encoding="utf-8")
