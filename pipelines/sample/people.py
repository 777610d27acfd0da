"""The people of a sample county, as they really are: who lives where from when to when, who is registered.

Belongs here: composing the population on the census and letting it change over the months.
Does not belong here: what agencies know of it in a month (see `sheets`), errors in files (see `dirt`).

Frames refer to a person by its place in `persons`, to a community by its place in `Places.communities`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.sample.chance import Flags, Floats, Integers, stream
from pipelines.sample.names import ages_to_birth_days, compose_names, compose_numbers, compose_passports
from pipelines.sample.places import AGE_EDGES, Census, Grids, Places

# Of those registered in the county, how many live outside it; the census does not say.
ABSENT_SHARE = 0.12
NO_MEMBERS_SHARE = 0.015
# Shares of a month.
ARRIVALS, DEPARTURES, MOVES = 0.020, 0.016, 0.004
BIRTHS, DEATHS, EMIGRATIONS = 0.00075, 0.0006, 0.0005
NO_DOCUMENT_SHARE, PASSPORT_SHARE, PERMIT_SHARE = 0.0012, 0.0008, 0.0004
ADULT_GROUP = 6  # from 25 years
NEVER = np.iinfo(np.int32).max
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def as_dates(days: Integers) -> pl.Series:
    """Days since 1970-01-01 as dates, null where NEVER."""
    numbers = pl.DataFrame({"day": days})
    known = pl.when(pl.col("day") < NEVER).then(pl.col("day")).cast(pl.Int32).cast(pl.Date)
    return numbers.select(known).to_series()


@dataclass(frozen=True)
class Population:
    """Everything about people through the whole sample.

    `persons`: one row per person (id_type, id_number, name, sex, birth_date).
    `stays`: one row per person × place lived in (person, community, grid, residence_type, arrived_date, left_date).
    `households`: one row per registered household (household_no, community, household_type, has_door_plate,
    registered_date, members). `memberships`: one row per registered person (person, household, relation,
    registered_date, cancelled_date, and where they live until `moved_date`, if anywhere in the county).
    """

    persons: pl.DataFrame
    stays: pl.DataFrame
    households: pl.DataFrame
    memberships: pl.DataFrame


@dataclass(frozen=True)
class Window:
    """The days that the sample covers, as days since 1970-01-01."""

    first: int
    last: int
    months: int

    @property
    def years(self) -> int:
        """How many years have begun when the sample ends."""
        return (self.last - self.first) // 365 + 1

    def draw(self, count: int, chance: np.random.Generator) -> Integers:
        return chance.integers(self.first, self.last + 1, count)


@dataclass(frozen=True)
class _Registered:
    """Those registered in the county when the sample begins, by home community."""

    home: Integers
    household: Integers
    place_in_household: Integers
    # 0 lives where registered, 1 elsewhere in the county, 2 outside it
    whereabouts: Integers
    is_male: Flags
    birth_day: Integers


def compose(
    places: Places, grids: Grids, living: Integers, temporary: Integers, new: int, census: Census, window: Window,
    seed: int,
) -> Population:  # fmt: skip
    """The population: `living` people in each community, `temporary` of them registered elsewhere.

    `new` people move into the community that opens during the sample.
    """
    chance = stream(seed, "people")
    share = census.elsewhere_in_county / census.temporary_share if places.standing > 1 else 0.0
    moved_in_county = round(int(temporary.sum()) * share)
    registered = _registered(living, temporary, moved_in_county, census, window, chance)
    births = round(len(registered.home) * BIRTHS * window.months)
    arrivals = round(int(temporary.sum()) * ARRIVALS * window.months)
    outsiders = int(temporary.sum()) - moved_in_county + arrivals + new

    people = len(registered.home)
    mothers = _mothers(registered, births, window, chance)
    born = window.draw(births, chance)
    outsider_birth = _outsider_births(outsiders, census, window, chance)
    is_male = np.concatenate([registered.is_male, chance.random(births + outsiders) < census.male_share])
    birth_day = np.concatenate([registered.birth_day, born, outsider_birth])
    home = np.concatenate([registered.home, registered.home[mothers]])

    stays = _Stays(places, grids, temporary, registered, window, chance)
    stays.settle_registered(mothers, born)
    newcomers = stays.settle_temporary(people + births, moved_in_county, arrivals)
    stays.open_community(newcomers, new)
    persons = _persons(places, is_male, birth_day, home, outsiders, chance)
    households, memberships = _household_books(places, registered, mothers, born, stays, window, chance)
    return Population(persons, stays.frame(), households, memberships)


def _registered(
    living: Integers, temporary: Integers, moved_in_county: int, census: Census, window: Window,
    chance: np.random.Generator,
) -> _Registered:  # fmt: skip
    at_home = living - temporary
    weights: Floats = np.where(living > 0, at_home + 0.01, 0.0)
    moved = np.bincount(
        chance.choice(len(living), moved_in_county, p=weights / weights.sum()), minlength=len(living)
    )
    absent = np.rint((at_home + moved) * ABSENT_SHARE / (1 - ABSENT_SHARE)).astype(np.int64)
    totals = at_home + moved + absent
    home = np.repeat(np.arange(len(living)), totals)
    # Inside a community chance decides who is away: the first of a random order are at home.
    order = np.lexsort((chance.random(len(home)), home))
    rank = np.arange(len(home)) - np.repeat(np.cumsum(totals) - totals, totals)
    whereabouts = np.empty(len(home), dtype=np.int64)
    whereabouts[order] = (rank >= at_home[home]).astype(np.int64) + (rank >= (at_home + moved)[home])

    household, place_in_household = _households(home, census, chance)
    is_male = chance.random(len(home)) < census.male_share
    groups = _age_groups(place_in_household == 0, census, chance)
    birth_day = ages_to_birth_days(groups, AGE_EDGES, window.first, chance)
    return _Registered(home, household, place_in_household, whereabouts, is_male, birth_day)


def _mothers(registered: _Registered, births: int, window: Window, chance: np.random.Generator) -> Integers:
    """Who gives birth during the sample: women of 20 to 44 years who live where they are registered."""
    age = (window.first - registered.birth_day) / 365.25
    is_at_home = registered.whereabouts == 0
    women = np.flatnonzero(is_at_home & ~registered.is_male & (age >= 20) & (age < 45))
    if len(women) < births:
        women = np.flatnonzero(is_at_home)
    return np.sort(chance.choice(women, births, replace=len(women) < births))


def _households(home: Integers, census: Census, chance: np.random.Generator) -> tuple[Integers, Integers]:
    """For each person the household (0, 1, …) and the place in it; a household never spans two communities."""
    larger = (census.household_size - census.one_person_share) / (1 - census.one_person_share) - 2
    count = int(len(home) / census.household_size * 1.2) + 20
    sizes = np.where(
        chance.random(count) < census.one_person_share, 1, 2 + np.minimum(chance.poisson(larger, count), 8)
    )
    drawn = np.searchsorted(np.cumsum(sizes), np.arange(len(home)), side="right")
    is_first = np.ones(len(home), dtype=bool)
    is_first[1:] = (drawn[1:] != drawn[:-1]) | (home[1:] != home[:-1])
    household = np.cumsum(is_first) - 1
    places = np.arange(len(home))
    return household, places - np.maximum.accumulate(np.where(is_first, places, 0))


def _age_groups(is_head: Flags, census: Census, chance: np.random.Generator) -> Integers:
    """Age groups that have the census's shares as a whole, with heads of household from 25 years."""
    shares: Floats = np.array(census.age_shares)
    shares = shares / shares.sum()
    adults = np.where(np.arange(len(shares)) >= ADULT_GROUP, shares, 0)
    head_shares = adults / adults.sum()
    heads = is_head.mean() if len(is_head) else 0.0
    others = np.maximum(shares - heads * head_shares, 0)
    groups = np.empty(len(is_head), dtype=np.int64)
    groups[is_head] = chance.choice(len(shares), int(is_head.sum()), p=head_shares)
    groups[~is_head] = chance.choice(len(shares), int((~is_head).sum()), p=others / others.sum())
    return groups


def _outsider_births(count: int, census: Census, window: Window, chance: np.random.Generator) -> Integers:
    """Those from outside the county: of the census's ages, but thrice as often of 15 to 44 years."""
    shares: Floats = np.array(census.age_shares)
    shares[4:10] *= 3
    groups = chance.choice(len(shares), count, p=shares / shares.sum())
    return ages_to_birth_days(groups, AGE_EDGES, window.first, chance)


def _persons(
    places: Places,
    is_male: Flags,
    birth_day: Integers,
    home: Integers,
    outsiders: int,
    chance: np.random.Generator,
) -> pl.DataFrame:
    """Documents and names; only people from outside have other documents than an identity card."""
    count = len(is_male)
    draw = np.ones(count)
    draw[count - outsiders :] = chance.random(outsiders)
    limits = np.cumsum([NO_DOCUMENT_SHARE, PASSPORT_SHARE, PERMIT_SHARE, PERMIT_SHARE])
    document = np.searchsorted(limits, draw, side="right")  # 0 none … 4 identity card
    kinds = pl.Series(["none", "passport", "hmt_permit", "foreign_permanent", "resident_id"])
    area = np.concatenate([places.street_numbers[home] + 1, 500 + chance.integers(0, 400, outsiders)])
    numbers = compose_numbers(birth_day, is_male, area)
    has_passport = np.flatnonzero(document == 1)
    numbers = numbers.scatter(has_passport, compose_passports(len(has_passport)))
    numbers = numbers.scatter(np.flatnonzero(document == 0), None)
    is_foreign = (document == 1) | (document == 3)
    return pl.DataFrame(
        {
            "id_type": kinds.gather(document),
            "id_number": numbers,
            "name": compose_names(is_male, is_foreign, chance),
            "sex": pl.Series(["female", "male"]).gather(is_male.astype(np.int64)),
            "birth_date": as_dates(birth_day),
        }
    )


class _Stays:
    """Where people live, collected in parts; each part is a set of columns of the same length."""

    def __init__(
        self, places: Places, grids: Grids, temporary: Integers, registered: _Registered, window: Window,
        chance: np.random.Generator,
    ) -> None:  # fmt: skip
        self.places, self.grids, self.temporary = places, grids, temporary
        self.registered, self.window, self.chance = registered, window, chance
        self.parts: list[dict[str, Integers]] = []
        # From when a registered person lives somewhere else, and the community lived in (-1 outside the county).
        self.moved_day: Integers = np.full(len(registered.home), NEVER, dtype=np.int64)
        self.lives_in: Integers = np.where(registered.whereabouts == 0, registered.home, -1)
        self.died_day: Integers = np.full(len(registered.home), NEVER, dtype=np.int64)
        self.registered_day = self._registered_days()

    def settle_registered(self, mothers: Integers, born: Integers) -> None:
        """Those who live where they are registered, the children born to them, deaths and departures."""
        people = np.flatnonzero(self.registered.whereabouts == 0)
        draw = self.chance.random(len(people))
        months, ends = self.window.months, self.window.draw(len(people), self.chance)
        is_mother = np.isin(people, mothers)
        dies = (draw < DEATHS * months) & ~is_mother
        leaves = (draw >= DEATHS * months) & (draw < (DEATHS + EMIGRATIONS) * months) & ~is_mother
        self.died_day[people[dies]] = ends[dies]
        self.moved_day[people[leaves]] = ends[leaves]
        left = np.where(dies | leaves, ends, NEVER)
        self._add(
            people,
            self.registered.home[people],
            self._grid_of_household(people),
            0,
            self.registered_day[people],
            left,
        )
        children = len(self.registered.home) + np.arange(len(mothers))
        never = np.full(len(mothers), NEVER, dtype=np.int64)
        self._add(children, self.registered.home[mothers], self._grid_of_household(mothers), 0, born, never)

    def settle_temporary(self, first_outsider: int, moved_in_county: int, arrivals: int) -> int:
        """Those registered elsewhere: at the beginning, arriving later, moving on inside the county, leaving.

        Returns the number of the first person who does not live anywhere yet.
        """
        chance, window = self.chance, self.window
        where = chance.permutation(np.repeat(np.arange(len(self.temporary)), self.temporary))
        movers = chance.permutation(np.flatnonzero(self.registered.whereabouts == 1))
        at_home = where[:moved_in_county] == self.registered.home[movers]
        where[:moved_in_county][at_home] = (where[:moved_in_county][at_home] + 1) % self.places.standing
        self.lives_in[movers] = where[:moved_in_county]
        people = np.concatenate([movers, first_outsider + np.arange(len(where) - moved_in_county)])
        since = np.minimum(chance.exponential(700.0, len(where)), 5400).astype(np.int64)
        arrived = window.first - 1 - since

        draw = chance.random(len(where))
        ends = window.draw(len(where), chance)
        departs = draw < DEPARTURES * window.months
        moves = (
            ~departs
            & (draw < (DEPARTURES + MOVES) * window.months)
            & (np.arange(len(where)) >= moved_in_county)
        )
        left = np.where(departs | moves, ends, NEVER)
        self._note_departures(movers, left[:moved_in_county])
        self._add(people, where, self._any_grid(where), 1, arrived, left)

        step = chance.integers(1, max(2, self.places.standing), int(moves.sum()))
        onward = (where[moves] + step) % self.places.standing
        self._add(people[moves], onward, self._any_grid(onward), 1, ends[moves], np.full(len(onward), NEVER))

        newcomers = first_outsider + len(where) - moved_in_county + np.arange(arrivals)
        weights: Floats = self.temporary / self.temporary.sum()
        goal = chance.choice(len(weights), arrivals, p=weights)
        came = window.draw(arrivals, chance)
        self._add(newcomers, goal, self._any_grid(goal), 1, came, np.full(arrivals, NEVER))
        return first_outsider + len(where) - moved_in_county + arrivals

    def open_community(self, first_person: int, count: int) -> None:
        """Those who move into the community that opens during the sample, from its first day on."""
        if self.places.opening is None:
            return
        goal = np.full(count, self.places.standing, dtype=np.int64)
        came = self.chance.integers(day_number(self.places.opening), self.window.last + 1, count)
        self._add(first_person + np.arange(count), goal, self._any_grid(goal), 1, came, np.full(count, NEVER))

    def frame(self) -> pl.DataFrame:
        columns = {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}
        kinds = pl.Series(["registered", "temporary"])
        return pl.DataFrame(
            {
                "person": columns["person"],
                "community": columns["community"],
                "grid_code": self.grids.codes(self.places, columns["community"], columns["grid"]),
                "residence_type": kinds.gather(columns["residence_type"]),
                "arrived_date": as_dates(columns["arrived"]),
                "left_date": as_dates(columns["left"]),
            }
        )

    def _add(
        self,
        person: Integers,
        community: Integers,
        grid: Integers,
        residence_type: int,
        arrived: Integers,
        left: Integers,
    ) -> None:
        kind = np.full(len(person), residence_type, dtype=np.int64)
        self.parts.append(
            {
                "person": person,
                "community": community,
                "grid": grid,
                "residence_type": kind,
                "arrived": arrived,
                "left": left,
            }
        )

    def _note_departures(self, movers: Integers, left: Integers) -> None:
        gone = left < NEVER
        self.moved_day[movers[gone]] = left[gone]

    def _registered_days(self) -> Integers:
        """Children soon after birth, others at some time since 1985; always before the sample begins."""
        born = self.registered.birth_day
        earliest = np.maximum(born + 5, self.chance.integers(5_500, 15_000, len(born)))
        latest = self.window.first - 1
        spare = np.maximum(latest - earliest, 0)
        after: Integers = np.floor(self.chance.random(len(born)) ** 2 * spare).astype(np.int64)
        days: Integers = np.maximum(np.minimum(earliest + after, latest), born)
        return days

    def _grid_of_household(self, people: Integers) -> Integers:
        return self.registered.household[people] % self.grids.counts[self.registered.home[people]]

    def _any_grid(self, communities: Integers) -> Integers:
        share: Floats = self.chance.random(len(communities))
        numbers: Integers = np.floor(share * self.grids.counts[communities]).astype(np.int64)
        return numbers


def _household_books(
    places: Places, registered: _Registered, mothers: Integers, born: Integers, stays: _Stays, window: Window,
    chance: np.random.Generator,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """The household register, with some households that have no members left, and its persons."""
    first = np.flatnonzero(registered.place_in_household == 0)
    empty = max(places.standing // 8, round(len(first) * NO_MEMBERS_SHARE))
    community = np.concatenate([registered.home[first], chance.integers(0, places.standing, empty)])
    count = len(community)
    members = np.concatenate(
        [np.bincount(registered.household, minlength=len(first)), np.zeros(empty, dtype=np.int64)]
    )
    numbers = pl.Series([f"99{number:08d}" for number in chance.permutation(count) + 1], dtype=pl.String)
    households = pl.DataFrame(
        {
            "household_no": numbers,
            "community": community,
            "has_door_plate": chance.random(count) < 0.96,
            "household_type": pl.Series(["family", "collective"]).gather(
                (chance.random(count) < 0.01).astype(np.int64)
            ),
            "registered_date": as_dates(window.first - 1 - chance.integers(0, 14_000, count)),
            "cancelled_date": as_dates(np.full(count, NEVER)),
            "members": members,
        }
    )
    people = len(registered.home)
    delay = chance.integers(5, 41, len(born))
    cancelled = np.where(stays.died_day < NEVER, stays.died_day + chance.integers(3, 21, people), NEVER)
    never = np.full(len(born), NEVER)
    memberships = pl.DataFrame(
        {
            "person": np.arange(people + len(born)),
            "household": np.concatenate([registered.household, registered.household[mothers]]),
            "relation_to_head": _relations(registered).append(_relation_of_born(registered, mothers)),
            "registered_date": as_dates(np.concatenate([stays.registered_day, born + delay])),
            "cancelled_date": as_dates(np.concatenate([cancelled, never])),
            "home": np.concatenate([registered.home, registered.home[mothers]]),
            "lives_in": np.concatenate([stays.lives_in, registered.home[mothers]]),
            "moved_date": as_dates(np.concatenate([stays.moved_day, never])),
        }
    )
    return households, memberships


def _relations(registered: _Registered) -> pl.Series:
    """What each person is to the head of household, as age and sex suggest."""
    head = np.arange(len(registered.home)) - registered.place_in_household
    older = (registered.birth_day[head] - registered.birth_day) / 365.25  # years older than the head
    is_head = registered.place_in_household == 0
    is_spouse = (
        (registered.place_in_household == 1)
        & (np.abs(older) <= 15)
        & (registered.is_male != registered.is_male[head])
    )
    relation = np.select(
        [is_head, is_spouse, older < -42, older < -15, older > 15], [0, 1, 3, 2, 4], default=5
    )
    return pl.Series(["head", "spouse", "child", "grandchild", "parent", "other"]).gather(relation)


def _relation_of_born(registered: _Registered, mothers: Integers) -> pl.Series:
    is_head = registered.place_in_household[mothers] == 0
    return pl.Series(["grandchild", "child"]).gather(is_head.astype(np.int64))
