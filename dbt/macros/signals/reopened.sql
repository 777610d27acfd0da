{#
    Rule: any event or dispute that one delivery lists as closed (settled) and a later one as open. Counted in the
    community of the later listing.
#}
{% macro signal_reopened() %}
    select
        communities.unit_key,
        communities.unit_code,
        communities.unit_level,
        communities.month,
        {{ text_or_null(none) }} as kpi_id,
        listed.dataset,
        min(listed.supplier_id) as supplier_id,
        count(*) as observed,
        0 as expected,
        count(*) as score,
        {{ text_or_null(none) }} as subject
    from (
        select
            dataset,
            supplier_id,
            community_code,
            month,
            is_done,
            lag(is_done) over (partition by dataset, item_no order by month) as was_done
        from listings
    ) as listed
    inner join communities
        on listed.month = communities.month and listed.community_code = communities.unit_code
    where listed.was_done and not listed.is_done
    group by
        communities.unit_key, communities.unit_code, communities.unit_level, communities.month, listed.dataset
{% endmacro %}
