"""Records of a CSV text, found all at once: the same as by a grammar, record by record."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reading.records import find_records, without_final_returns

CELL = r'(?:[^",\n]*|"(?:[^"]|"")*")'
RECORD = re.compile(f"{CELL}(?:,{CELL})*")
CELLS = re.compile(r',("[^"]*(?:""[^"]*)*"|[^",]*)')

texts = st.text(alphabet='a王,"\n', max_size=40).map(lambda text: text + "\n")


def by_lines(text: str) -> list[tuple[int, str]]:
    """The first line and the text of each record: a line end after an odd number of quotes ends nothing."""
    records: list[tuple[int, str]] = []
    number, record = 1, ""
    for line in text.removesuffix("\n").split("\n"):
        record += line
        if record.count('"') % 2:
            record += "\n"
            continue
        records.append((number, record))
        number, record = number + record.count("\n") + 1, ""
    return [*records, (number, record.removesuffix("\n"))] if record else records


@settings(deadline=None)
@given(texts)
def test_records_are_those_of_the_grammar(text: str) -> None:
    records = find_records(text.encode())
    expected = by_lines(text)
    assert [(int(records.numbers[index]), records[index]) for index in range(len(records))] == expected
    assert int(records.line_counts.sum()) == text.count("\n")
    misquoted = [index for index, (_, record) in enumerate(expected) if not RECORD.fullmatch(record)]
    assert records.misquoted.tolist() == misquoted
    for index, (_, record) in enumerate(expected):
        if index not in misquoted:
            assert records.widths[index] == len(CELLS.findall("," + record))


def test_records_are_left_out_and_the_others_stay_whole() -> None:
    records = find_records(b'title\nhead,er\na,b\n"c\nd",e\nf\ng,h\n')
    assert records.text_without(np.array([4]), first=2) == b'a,b\n"c\nd",e\ng,h\n'
    assert records.text_without(np.array([], dtype=np.int64), first=4) == b"f\ng,h\n"
    assert records.text_without(np.array([5]), first=5) == b""


def test_returns_stay_inside_cells_only() -> None:
    assert without_final_returns(b'\r\na,"b\r\nc"\r\nd,e\r\n') == b'\na,"b\r\nc"\nd,e\n'
