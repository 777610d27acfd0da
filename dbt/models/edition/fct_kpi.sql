{{ config(materialized='incremental', pre_hook='{{ forget_periods() }}', sliced_by='judged_units') }}
{% set is_shown = "status in ('met', 'near', 'missed') and not is_withheld" %}

with inputs as (
    select
        *,
        -- while a register is missing that says who has something, everyone may have it
        case when is_numerator_partial then high_denominator else high_numerator end as most_numerator,
        is_cases_partial and kind = 'rate' as is_high_open,
        -- of very few people in a grid the verdict is given, and no figure that could be of one of them
        is_no_data or is_withheld as is_hidden
    from {{ ref('kpi_inputs') }}
),

bounds as (
    select
        *,
        low_denominator is null or is_denominator_partial or (is_cases_partial and kind <> 'count') as is_low_open,
        most_numerator is null or is_amount_partial or (is_cases_partial and kind <> 'rate') as is_high_unbounded
    from inputs
),

statuses as (
    select
        *,
        {{ can_be_met() }} as can_be_met,
        {{ can_be_missed() }} as can_be_missed,
        case
            when is_too_early or is_before_first_step then 'too_early'
            when is_no_data then 'no_data'
            when denominator = 0 then 'not_applicable'
            when target_id is null then 'no_target'
            when {{ is_met() }} then 'met'
            when {{ is_near() }} then 'near'
            else 'missed'
        end as status
    from bounds
)

select
    registered_key as unit_key,
    unit_code,
    unit_level,
    period_type,
    period,
    unit_basis,
    {{ comparability() }} as comparability,
    kpi_id,
    target_id,
    case when not is_hidden then numerator end as numerator,
    case when not is_hidden then denominator end as denominator,
    scale,
    case when not is_hidden then {{ ratio('numerator', 'denominator') }} end as value,
    case when not is_hidden then low_numerator end as low_numerator,
    case when not (is_hidden or is_low_open) then low_denominator end as low_denominator,
    case when not (is_hidden or is_high_open or is_high_unbounded) then most_numerator end as high_numerator,
    case when not (is_hidden or is_high_open) then high_denominator end as high_denominator,
    case
        when is_hidden then null
        when is_low_open then 0
        else {{ ratio('low_numerator', 'low_denominator') }}
    end as value_low,
    case
        when is_hidden or is_high_unbounded then null
        when is_high_open then scale
        else {{ ratio('most_numerator', 'high_denominator') }}
    end as value_high,
    status,
    {{ certainty() }} as certainty,
    case when has_chance and not is_hidden then {{ wilson('numerator', 'denominator', 'low') }} end as chance_low,
    case when has_chance and not is_hidden then {{ wilson('numerator', 'denominator', 'high') }} end as chance_high,
    case when has_chance and {{ is_shown }} then cast({{ failures_allowed() }} as integer) end as failures_allowed,
    case
        when {{ is_shown }} then cast(case when status = 'met' then 0 else {{ shortfall() }} end as decimal(18, 2))
    end as shortfall,
    is_withheld,
    coalesce(is_basis_expired, false) as is_basis_expired,
    cast(reporting_suppliers as integer) as reporting_suppliers,
    cast(expected_suppliers as integer) as expected_suppliers
from statuses
