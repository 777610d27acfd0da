"""Units through time: which province, city, county, street, community, grid and department existed when, under which code.

Belongs here: reading division registers, building the dated register from them, laying the county's own
register of communities over it, what became of a unit, and where it lies today. Does not belong here: ledger, lake, judging.
"""

from pipelines.units.above import with_units_above
from pipelines.units.civil import covered, merge_civil_register, units_in_force
from pipelines.units.departments import with_departments
from pipelines.units.grids import with_grids
from pipelines.units.lineage import build_lineage
from pipelines.units.register import build_register
from pipelines.units.releases import load_releases, read_release_file
from pipelines.units.today import Today, place_today

__all__ = [
    "Today",
    "build_lineage",
    "build_register",
    "covered",
    "load_releases",
    "merge_civil_register",
    "place_today",
    "read_release_file",
    "units_in_force",
    "with_departments",
    "with_grids",
    "with_units_above",
]
