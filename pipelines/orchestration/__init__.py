"""The thin Dagster layer: assets, checks, schedules and the sensor around the steps of `pipelines.run`.

Belongs here: what Dagster needs to know of those steps, derived from contracts, rules and the dbt project.
Does not belong here: any step itself. Dagster is imported in this package only, so that everything else runs
and is tested without it; this module imports nothing, so that `instance` can be had without Dagster too.
"""
