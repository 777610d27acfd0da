"""One to one: which of the likely pairs are links, and which are left to a person."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipelines.linking.model import LEAD, LINKED

DECIDED = {"found_id": pl.String, "person": pl.String, "decision": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class _Pair:
    found_id: str
    person: str
    weight: float
    probability: float

    @property
    def sides(self) -> set[str]:
        return {self.found_id, self.person}


def decide(pairs: pl.DataFrame, taken: frozenset[str]) -> pl.DataFrame:
    """found_id, person, decision (linked, review) and reason (null where linked) of every likely pair.

    `pairs`: found_id, person, weight, probability; each found_id and person stand together once. The heaviest pair comes
    first. It is a link if it is likely enough (else: unlikely), and no free pair of either side is nearly as heavy (else:
    rival). A person whom the grid found with a number is not found once more (else: found). What is left to a person keeps
    both sides from any lighter link (rival); what a link rules out is left out.
    """
    ordered = pairs.sort("weight", "found_id", "person", descending=[True, False, False])
    columns = ordered.select("found_id", "person", "weight", "probability")
    rows = [_Pair(*row) for row in columns.iter_rows()]
    of_side: dict[str, list[int]] = {}
    for place, pair in enumerate(rows):
        for side in pair.sides:
            of_side.setdefault(side, []).append(place)
    linked: set[str] = set()
    left: set[str] = set()
    decided = []
    for place, pair in enumerate(rows):
        if pair.sides & linked:
            continue
        lighter = [rows[other] for side in pair.sides for other in of_side[side] if other > place]
        has_rival = any(rival.weight > pair.weight - LEAD and not rival.sides & linked for rival in lighter)
        reason = (
            "found" if pair.person in taken
            else "rival" if has_rival or pair.sides & left
            else "unlikely" if pair.probability < LINKED
            else None
        )  # fmt: skip
        (left if reason else linked).update(pair.sides)
        decided.append((pair.found_id, pair.person, "review" if reason else "linked", reason))
    return pl.DataFrame(decided, DECIDED, orient="row")
