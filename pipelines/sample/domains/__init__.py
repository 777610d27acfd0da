"""The domains of the sample beside the first eight datasets, one module each.

A module has three names:
- `books(world) -> dict[str, Book]`: by dataset, the function that gives its true rows for a month (see `world`);
- `DIRT`: the errors planted in them (see `kinds`), in this order;
- `MEASURES`: the truth of its KPIs (see `measuring`).
A dataset without a book is not delivered.
"""

from __future__ import annotations

from pipelines.sample.domains import (
    events,
    facilities,
    organisation,
    population,
    programmes,
    safety,
    villages,
)
from pipelines.sample.kinds import DirtKind
from pipelines.sample.measuring import Kpi
from pipelines.sample.world import Book, World

DOMAINS = (population, safety, events, facilities, organisation, programmes, villages)

DIRT: tuple[DirtKind, ...] = tuple(kind for domain in DOMAINS for kind in domain.DIRT)
MEASURES: tuple[Kpi, ...] = tuple(kpi for domain in DOMAINS for kpi in domain.MEASURES)


def books(world: World) -> dict[str, Book]:
    """The books of all domains, by dataset. ValueError where two domains keep the same one."""
    kept: dict[str, Book] = {}
    for domain in DOMAINS:
        for dataset, book in domain.books(world).items():
            if dataset in kept:
                raise ValueError(f"{dataset}: two domains have a book of it")
            kept[dataset] = book
    return kept
