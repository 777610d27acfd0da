"""What a reader looks at, and what is urgent, as conditions of queries.

Does not belong here: the queries themselves (`facts.py`, `standing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from dashboards.records import Unit

ALL = "all"
# The units that were right below another at the end of a period.
BELOW = (
    " and unit_key in (select unit_key from dim_unit where parent_unit_key = ? and valid_from <= ?"
    " and (valid_to is null or valid_to > ?))"
)

# How much of what is asked is missing, 0 to 1: square metres, hours and cases cannot be compared otherwise. Of figures
# with their target; where nothing is allowed, all that there is is too much.
GAP = (
    "coalesce(coalesce(shortfall, 0)::double / nullif(coalesce(numerator, 0)::double + case when"
    " case operator when '<=' then value_1 when '=' then value_1 when 'range' then if(binding = 'lower', null, value_2) end"
    " = 0 then 0 else coalesce(shortfall, 0)::double end, 0), 0)"
)
URGENCY = (
    "certainty = 'undetermined', status <> 'missed',"
    " coalesce(list_position(['worsening', 'new', 'continuing', 'improving'], movement), 5), judged_in_a_row desc, gap desc,"
    " unit_code, kpi_id, target_id"
)
# The display states that a flag may be in.
STATE_OF_FLAG = {
    "missed": " and status = 'missed' and certainty = 'confirmed'",
    "near": " and status = 'near' and certainty = 'confirmed'",
    "undetermined": " and certainty = 'undetermined'",
}


@dataclass(frozen=True)
class Scope:
    """What a reader looks at: one domain or all, one pack of targets or all, one street with its units or all."""

    domain: str = ALL
    pack: str = ALL
    street: Unit | None = None
    at: date | None = None  # when the units are below the street

    @property
    def everywhere(self) -> Scope:
        """The same of all units."""
        return replace(self, street=None, at=None)

    def condition(self) -> tuple[str, tuple[object, ...]]:
        """SQL over a table with unit_key, kpi_id and target_id, beginning with 'and', and its parameters.

        Figures without a target belong to a pack that has targets for their KPI.
        """
        text = ""
        parameters: list[object] = []
        if self.domain != ALL:
            text += " and kpi_id in (select kpi_id from dim_kpi where domain = ?)"
            parameters.append(self.domain)
        if self.pack != ALL:
            text += (
                " and kpi_id in (select kpi_id from dim_target where pack = ?)"
                " and (target_id is null or target_id in (select target_id from dim_target where pack = ?))"
            )
            parameters += [self.pack, self.pack]
        if self.street is not None:
            text += (
                " and unit_key in (select unit_key from dim_unit where street_code = ?"
                " and valid_from <= ? and (valid_to is null or valid_to > ?))"
            )
            parameters += [self.street.code, self.at, self.at]
        return text, tuple(parameters)


EVERYTHING = Scope()
