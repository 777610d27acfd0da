{#
    Rule: of a county's communities in a month whose value lies within `width` of the target (of the target itself; of
    a rate at most half of what is left to 100 %), more lie at or just above it than below it than chance allows:
    binomial test, one-sided, p < 0.01, by its normal approximation with correction for continuity (which never says
    more than the exact test does). Chance is one half where every value can be reached, as of areas; of counted cases
    it is the share of reachable values that lie above. It is raised where values further out slope that way, as far as
    a straight line on the logarithm of the density says (the cube root of their odds, over three times the distance).
    A target that is a ceiling is looked at from below, in a mirror.
#}
{% macro signal_bunching() %}
    {%- set rule = signal_rule('bunching') %}
    select
        counties.unit_key,
        counties.unit_code,
        counties.unit_level,
        counted.month,
        counted.kpi_id,
        {{ text_or_null(none) }} as dataset,
        {{ text_or_null(none) }} as supplier_id,
        max(counted.good) as observed,
        max_by(counted.total * counted.chance, counted.score) as expected,
        max(counted.score) as score,
        max_by({{ text_of('counted.total') }}, counted.score) as subject
    from (
        select
            tested.*,
            (tested.good - 0.5 - tested.total * tested.chance)
            / sqrt(tested.total * tested.chance * (1 - tested.chance)) as score
        from (
            select
                sums.*,
                greatest(
                    sums.reachable,
                    sums.slope * sums.reachable / (1 - sums.reachable + sums.slope * sums.reachable)
                ) as chance
            from (
                select
                    county_code,
                    month,
                    kpi_id,
                    target_id,
                    sum(case when distance >= 0 and distance < 1 then 1 else 0 end) as good,
                    sum(case when distance >= -1 and distance < 1 then 1 else 0 end) as total,
                    avg(case when distance >= -1 and distance < 1 then reachable end) as reachable,
                    power(
                        (1.0 + sum(case when distance >= 1 and distance < 2 and not is_full then 1 else 0 end))
                        / (1.0 + sum(case when distance >= -2 and distance < -1 then 1 else 0 end)),
                        1.0 / 3
                    ) as slope
                from ({{ target_distances() }}) as distances
                group by county_code, month, kpi_id, target_id
            ) as sums
            where sums.total >= {{ rule.least }}
        ) as tested
    ) as counted
    inner join counties on counted.county_code = counties.unit_code and counted.month = counties.month
    group by counties.unit_key, counties.unit_code, counties.unit_level, counted.month, counted.kpi_id
{% endmacro %}

{#
    How far each community's value lies from its target, in widths (good: 0 and more); and by what chance a value
    within one width is a good one, from the numbers of cases that reach either side.
#}
{% macro target_distances() %}
    select
        bands.*,
        case when bands.is_area then 0.5 else bands.cases_above / nullif(bands.cases_above + bands.cases_below, 0) end
            as reachable
    from (
        select
            widths.*,
            widths.value = widths.scale and widths.kind = 'rate' as is_full,
            case when widths.is_floor then widths.value - widths.line else widths.line - widths.value end
            / widths.width as distance,
            case
                when widths.is_floor then ceil((widths.line + widths.width) * widths.n - 1e-9) - ceil(widths.line * widths.n - 1e-9)
                else floor(widths.line * widths.n + 1e-9) - floor((widths.line - widths.width) * widths.n + 1e-9)
            end as cases_above,
            case
                when widths.is_floor then ceil(widths.line * widths.n - 1e-9) - ceil((widths.line - widths.width) * widths.n - 1e-9)
                else floor((widths.line + widths.width) * widths.n + 1e-9) - floor(widths.line * widths.n + 1e-9)
            end as cases_below
        from (
            select
                left(figures.unit_code, 6) as county_code,
                figures.month,
                figures.kpi_id,
                figures.kind,
                judged.target_id,
                kpis.scale,
                kpis.unit like 'm2%' as is_area,
                figures.numerator * kpis.scale / figures.denominator as value,
                figures.denominator / kpis.scale as n,
                lines.target_floor is not null as is_floor,
                cast(coalesce(lines.target_floor, lines.target_ceiling) as double) as line,
                case
                    when figures.kind = 'rate' then least(
                        {{ signal_rule('bunching').width }} * cast(coalesce(lines.target_floor, lines.target_ceiling) as double),
                        (kpis.scale - cast(coalesce(lines.target_floor, lines.target_ceiling) as double)) / 2
                    )
                    else {{ signal_rule('bunching').width }} * cast(coalesce(lines.target_floor, lines.target_ceiling) as double)
                end as width
            from figures
            inner join {{ ref('fct_kpi') }} as judged
                on figures.unit_key = judged.unit_key
                and figures.kpi_id = judged.kpi_id
                and figures.month = judged.period
                and judged.period_type = 'month'
                and judged.unit_basis = 'as_was'
            inner join {{ ref('dim_kpi') }} as kpis on figures.kpi_id = kpis.kpi_id
            inner join {{ ref('target_lines') }} as lines on judged.target_id = lines.target_id
            where figures.is_recent and figures.denominator > 0
        ) as widths
        where widths.width > 0
    ) as bands
    where bands.is_area or (bands.cases_above > 0 and bands.cases_below > 0)
{% endmacro %}
