"""Where the records of a CSV text begin and end, how many cells they have, and which are wrongly quoted.

Found from the places of line ends, commas and quotes, over the whole text at once: hardly any record is ever
looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

_LF, _CR, _QUOTE, _COMMA = b"\n\r\","

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Records:
    """The records of `text` (UTF-8, ending in LF), each of one line, or more where a quoted cell runs over lines.

    `ends` are the places of the LF that end a record, `widths` how many cells it has.
    """

    text: bytes
    ends: Places
    widths: Places

    @cached_property
    def starts(self) -> Places:
        return np.concatenate([[0], self.ends + 1])[:-1]

    @cached_property
    def line_counts(self) -> Places:
        """How many lines each record has."""
        line_ends = np.flatnonzero(_octets(self.text) == _LF)
        return np.diff(np.searchsorted(line_ends, self.ends), prepend=-1)

    @cached_property
    def numbers(self) -> Places:
        """The line on which each record begins, counted from 1."""
        return np.cumsum(self.line_counts) - self.line_counts + 1

    @cached_property
    def misquoted(self) -> Places:
        """The indexes of records with a quote that neither encloses a cell nor is doubled inside one."""
        octets = _octets(self.text)
        quotes = np.flatnonzero(octets == _QUOTE)
        opening, closing = quotes[0::2], quotes[1::2]
        # A doubled quote closes and opens again. Before the first byte stands, cyclically, the last LF.
        neighbours = np.array([_LF, _COMMA, _QUOTE])
        wrong = [
            opening[~np.isin(octets[opening - 1], neighbours)],
            closing[~np.isin(octets[closing + 1], neighbours)],
            opening[len(closing) :],
        ]
        return np.unique(np.searchsorted(self.ends, np.concatenate(wrong)))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        return self.text[self.starts[index] : self.ends[index]].decode()

    def text_without(self, indexes: Places, *, first: int) -> bytes:
        """The text from record `first` on, without the records `indexes`."""
        edges = np.append(self.starts, len(self.text))
        starts = edges[np.concatenate([[first], indexes + 1])]
        ends = edges[np.append(indexes, len(self))]
        return b"".join([self.text[start:end] for start, end in zip(starts, ends, strict=True)])


def find_records(text: bytes) -> Records:
    """The records of a text that ends in LF."""
    octets = _octets(text)
    is_delimiter = (octets == _COMMA) | (octets == _LF)
    if b'"' in text:
        quotes_so_far = np.cumsum(octets == _QUOTE, dtype=np.uint8)  # only odd or even matters, so it may overflow
        is_delimiter &= quotes_so_far % 2 == 0
        is_delimiter[-1] = True  # also where a quote is never closed
    delimiters = np.flatnonzero(is_delimiter)
    ends = np.flatnonzero(octets[delimiters] == _LF)
    return Records(text, ends=delimiters[ends], widths=np.diff(ends, prepend=-1))


def without_final_returns(text: bytes) -> bytes:
    """The text with LF instead of CRLF at the end of each record; inside cells CRLF stays."""
    octets = _octets(text)
    last = find_records(text).ends - 1
    return np.delete(octets, last[octets[last] == _CR]).tobytes()


def _octets(text: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text, dtype=np.uint8)
