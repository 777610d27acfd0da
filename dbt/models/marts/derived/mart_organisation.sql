-- Derived from dbt/measures/mart_organisation.yml by pipelines.dbt_marts.write_marts: do not edit.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months() }}', '{{ forget_months() }}'],
) }}
{% set datasets = [
    {"name": "civil_staff", "rows": ref("stg_civil_staff"), "part": none, "measures": [
        {"name": "legal_advisers", "counts": "is_in_post and post = 'legal_adviser'", "columns": [
            {"name": "legal_advisers", "where": "legal_advisers_counts"},
            {"name": "legal_advisers_doubtful", "where": "legal_advisers_may_count"},
        ]},
        {"name": "psychological_counsellors", "counts": "is_in_post and post = 'counsellor'", "columns": [
            {"name": "psychological_counsellors", "where": "psychological_counsellors_counts"},
            {"name": "psychological_counsellors_doubtful", "where": "psychological_counsellors_may_count"},
        ]},
        {"name": "drug_social_workers", "counts": "is_in_post and post = 'drug_social_worker'", "columns": [
            {"name": "drug_social_workers", "where": "drug_social_workers_counts"},
            {"name": "drug_social_workers_doubtful", "where": "drug_social_workers_may_count"},
        ]},
        {"name": "certified_social_workers", "counts": "is_in_post and post = 'social_worker' and certified", "columns": [
            {"name": "certified_social_workers", "where": "certified_social_workers_counts"},
            {"name": "certified_social_workers_doubtful", "where": "certified_social_workers_may_count"},
        ]},
        {"name": "community_staff", "counts": "is_in_post and is_community_staff", "columns": [
            {"name": "community_staff", "where": "community_staff_counts"},
            {"name": "community_staff_doubtful", "where": "community_staff_may_count"},
        ]},
        {"name": "staff_pay", "counts": "is_in_post and is_community_staff", "columns": [
            {"name": "staff_pay", "type": "decimal(18,2)", "aggregate": "min", "amount": "monthly_pay_yuan", "where": "staff_pay_counts"},
            {"name": "staff_pay_rows", "where": "staff_pay_counts and monthly_pay_yuan is not null"},
            {"name": "staff_pay_doubtful", "type": "decimal(18,2)", "aggregate": "min", "amount": "monthly_pay_yuan", "where": "staff_pay_may_count"},
            {"name": "staff_pay_doubtful_rows", "where": "staff_pay_may_count and monthly_pay_yuan is not null"},
            {"name": "staff_pay_unbounded", "where": "staff_pay_may_count and monthly_pay_yuan is null"},
        ]},
        {"name": "secretaries_as_directors", "counts": "is_in_post and post = 'secretary' and secretary_is_director", "columns": [
            {"name": "secretaries_as_directors", "aggregate": "max", "where": "secretaries_as_directors_counts"},
            {"name": "secretaries_as_directors_doubtful", "where": "secretaries_as_directors_may_count", "unless": "secretaries_as_directors"},
        ]},
        {"name": "seconded_staff", "counts": "is_in_post and post = 'seconded'", "columns": [
            {"name": "seconded_staff", "where": "seconded_staff_counts"},
            {"name": "seconded_staff_passed", "where": "seconded_staff_counts and coalesce(certified, false)"},
            {"name": "seconded_staff_may_pass", "where": "seconded_staff_may_count and coalesce(certified, true)"},
            {"name": "seconded_staff_may_fail", "where": "seconded_staff_may_count and not coalesce(certified, false)"},
        ]},
    ]},
    {"name": "civil_organizations", "rows": ref("stg_civil_organizations"), "part": none, "measures": [
        {"name": "filed_organizations", "counts": "is_active and is_social_organization and is_filed", "columns": [
            {"name": "filed_organizations", "where": "filed_organizations_counts"},
            {"name": "filed_organizations_doubtful", "where": "filed_organizations_may_count"},
        ]},
        {"name": "registered_organizations", "counts": "is_active and is_social_organization and is_registered", "columns": [
            {"name": "registered_organizations", "where": "registered_organizations_counts"},
            {"name": "registered_organizations_doubtful", "where": "registered_organizations_may_count"},
        ]},
        {"name": "incubated_functional", "counts": "kind = 'functional' and is_incubated_this_year", "columns": [
            {"name": "incubated_functional", "where": "incubated_functional_counts"},
            {"name": "incubated_functional_doubtful", "where": "incubated_functional_may_count"},
        ]},
        {"name": "incubated_interest", "counts": "kind = 'interest_volunteer' and is_incubated_this_year", "columns": [
            {"name": "incubated_interest", "where": "incubated_interest_counts"},
            {"name": "incubated_interest_doubtful", "where": "incubated_interest_may_count"},
        ]},
        {"name": "incubated_functional_share", "counts": "kind = 'functional' and is_incubated_this_year", "columns": [
            {"name": "incubated_functional_share", "where": "incubated_functional_share_counts"},
            {"name": "incubated_functional_share_passed", "where": "incubated_functional_share_counts and coalesce(is_adjusted, false)"},
            {"name": "incubated_functional_share_may_pass", "where": "incubated_functional_share_may_count and coalesce(is_adjusted, true)"},
            {"name": "incubated_functional_share_may_fail", "where": "incubated_functional_share_may_count and not coalesce(is_adjusted, false)"},
        ]},
        {"name": "incubated_interest_share", "counts": "kind = 'interest_volunteer' and is_incubated_this_year", "columns": [
            {"name": "incubated_interest_share", "where": "incubated_interest_share_counts"},
            {"name": "incubated_interest_share_passed", "where": "incubated_interest_share_counts and coalesce(is_adjusted, false)"},
            {"name": "incubated_interest_share_may_pass", "where": "incubated_interest_share_may_count and coalesce(is_adjusted, true)"},
            {"name": "incubated_interest_share_may_fail", "where": "incubated_interest_share_may_count and not coalesce(is_adjusted, false)"},
        ]},
        {"name": "committees", "counts": "is_active and is_committee", "columns": [
            {"name": "committees", "where": "committees_counts"},
            {"name": "committees_doubtful", "where": "committees_may_count"},
        ]},
        {"name": "mediation_committees", "counts": "is_active and kind = 'mediation_committee'", "columns": [
            {"name": "mediation_committees", "aggregate": "max", "where": "mediation_committees_counts"},
            {"name": "mediation_committees_doubtful", "where": "mediation_committees_may_count", "unless": "mediation_committees"},
        ]},
        {"name": "security_committees", "counts": "is_active and kind = 'security_committee'", "columns": [
            {"name": "security_committees", "aggregate": "max", "where": "security_committees_counts"},
            {"name": "security_committees_doubtful", "where": "security_committees_may_count", "unless": "security_committees"},
        ]},
        {"name": "health_committees", "counts": "is_active and kind = 'health_committee'", "columns": [
            {"name": "health_committees", "aggregate": "max", "where": "health_committees_counts"},
            {"name": "health_committees_doubtful", "where": "health_committees_may_count", "unless": "health_committees"},
        ]},
        {"name": "environment_committees", "counts": "is_active and kind = 'environment_committee'", "columns": [
            {"name": "environment_committees", "aggregate": "max", "where": "environment_committees_counts"},
            {"name": "environment_committees_doubtful", "where": "environment_committees_may_count", "unless": "environment_committees"},
        ]},
    ]},
    {"name": "civil_surveys", "rows": ref("stg_civil_surveys"), "part": none, "measures": [
        {"name": "people_surveyed", "counts": "is_of_this_year", "columns": [
            {"name": "people_surveyed", "type": "decimal(18,2)", "amount": "sample", "where": "people_surveyed_counts"},
            {"name": "people_surveyed_passed", "type": "decimal(18,2)", "amount": "satisfied", "where": "people_surveyed_counts and true"},
            {"name": "people_surveyed_may_pass", "type": "decimal(18,2)", "amount": "sample", "where": "people_surveyed_may_count and true"},
            {"name": "people_surveyed_may_fail", "type": "decimal(18,2)", "amount": "sample", "where": "people_surveyed_may_count and true"},
            {"name": "people_surveyed_unbounded", "where": "people_surveyed_may_count and sample is null"},
        ]},
    ]},
    {"name": "civil_funding", "rows": ref("stg_civil_funding"), "part": none, "measures": [
        {"name": "funding_budgeted", "counts": "is_of_this_year", "columns": [
            {"name": "funding_budgeted", "type": "decimal(18,2)", "amount": "budgeted_yuan", "where": "funding_budgeted_counts"},
            {"name": "funding_budgeted_doubtful", "type": "decimal(18,2)", "amount": "budgeted_yuan", "where": "funding_budgeted_may_count"},
            {"name": "funding_budgeted_unbounded", "where": "funding_budgeted_may_count and budgeted_yuan is null"},
        ]},
        {"name": "funding", "counts": "is_of_this_year", "columns": [
            {"name": "funding", "type": "decimal(18,2)", "amount": "budgeted_yuan", "where": "funding_counts"},
            {"name": "funding_passed", "type": "decimal(18,2)", "amount": "disbursed_yuan", "where": "funding_counts and true"},
            {"name": "funding_may_pass", "type": "decimal(18,2)", "amount": "budgeted_yuan", "where": "funding_may_count and true"},
            {"name": "funding_may_fail", "type": "decimal(18,2)", "amount": "budgeted_yuan", "where": "funding_may_count and true"},
            {"name": "funding_unbounded", "where": "funding_may_count and budgeted_yuan is null"},
        ]},
    ]},
    {"name": "civil_equipment", "rows": ref("stg_civil_equipment"), "part": none, "measures": [
        {"name": "office_computers", "counts": "item = 'office_computer'", "columns": [
            {"name": "office_computers", "type": "decimal(18,2)", "amount": "quantity", "where": "office_computers_counts"},
            {"name": "office_computers_doubtful", "type": "decimal(18,2)", "amount": "quantity", "where": "office_computers_may_count"},
            {"name": "office_computers_unbounded", "where": "office_computers_may_count and quantity is null"},
        ]},
    ]},
    {"name": "civil_programmes", "rows": ref("smart_pilots"), "part": none, "measures": [
        {"name": "smart_pilots", "counts": "true", "columns": [
            {"name": "smart_pilots", "where": "smart_pilots_counts"},
            {"name": "smart_pilots_doubtful", "where": "smart_pilots_may_count"},
        ]},
    ]},
] %}

{{ register_mart(datasets, "community_code") }}
