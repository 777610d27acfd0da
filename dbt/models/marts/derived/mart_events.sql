-- Derived from dbt/measures/mart_events.yml by pipelines.dbt_marts.write_marts: do not edit.
-- A delivery may tell more of events of any earlier month: those months are computed again.
{{ config(
    materialized='incremental',
    pre_hook=['{{ choose_months("events") }}', '{{ forget_months("has_other_events") }}'],
) }}
{% set datasets = [
    {"name": "grid_events", "rows": ref("stg_grid_events"), "part": "grid_code", "key": "event_no", "measures": [
        {"name": "events_reported", "counts": "true", "columns": [
            {"name": "events_reported", "where": "events_reported_counts"},
            {"name": "events_reported_passed", "where": "events_reported_counts and coalesce(is_verified, false)", "known_on": "verified_at"},
            {"name": "events_reported_may_pass", "where": "events_reported_is_own and coalesce(is_verified, true)", "known_on": "verified_at"},
            {"name": "events_reported_may_fail", "where": "events_reported_is_own"},
            {"name": "events_reported_may_fail", "amount": "-1", "where": "events_reported_is_own and coalesce(is_verified, false) and verified_at is not null", "known_on": "verified_at"},
            {"name": "events_reported_revised", "where": "events_reported_is_revised"},
            {"name": "events_reported_revised_counted", "where": "events_reported_is_revised"},
            {"name": "events_reported_revised_passed", "where": "events_reported_is_revised and coalesce(is_verified, false)", "known_on": "verified_at"},
        ]},
        {"name": "events_decided", "counts": "has_due_time", "columns": [
            {"name": "events_decided", "where": "events_decided_counts", "known_on": "decided_at"},
            {"name": "events_decided_passed", "where": "events_decided_counts and coalesce(is_in_time, false)", "known_on": "verified_at"},
            {"name": "events_decided_may_pass", "where": "events_decided_is_own and coalesce(is_in_time, true)", "known_on": "greatest(verified_at, decided_at)"},
            {"name": "events_decided_may_fail", "where": "events_decided_is_own", "known_on": "decided_at"},
            {"name": "events_decided_may_fail", "amount": "-1", "where": "events_decided_is_own and coalesce(is_in_time, false) and verified_at is not null", "known_on": "greatest(verified_at, decided_at)"},
            {"name": "events_decided_revised", "where": "events_decided_is_revised"},
            {"name": "events_decided_revised_counted", "where": "events_decided_is_revised", "known_on": "decided_at"},
            {"name": "events_decided_revised_passed", "where": "events_decided_is_revised and coalesce(is_in_time, false)", "known_on": "verified_at"},
        ]},
        {"name": "events_supervised", "counts": "is_supervised", "columns": [
            {"name": "events_supervised", "where": "events_supervised_counts"},
            {"name": "events_supervised_passed", "where": "events_supervised_counts and coalesce(is_in_supervised_time, false)", "known_on": "verified_at"},
            {"name": "events_supervised_may_pass", "where": "events_supervised_is_own and coalesce(is_in_supervised_time, true)", "known_on": "verified_at"},
            {"name": "events_supervised_may_fail", "where": "events_supervised_is_own"},
            {"name": "events_supervised_may_fail", "amount": "-1", "where": "events_supervised_is_own and coalesce(is_in_supervised_time, false) and verified_at is not null", "known_on": "verified_at"},
            {"name": "events_supervised_revised", "where": "events_supervised_is_revised"},
            {"name": "events_supervised_revised_counted", "where": "events_supervised_is_revised"},
            {"name": "events_supervised_revised_passed", "where": "events_supervised_is_revised and coalesce(is_in_supervised_time, false)", "known_on": "verified_at"},
        ]},
        {"name": "events_failing_verification", "counts": "failed_verifications > 3", "columns": [
            {"name": "events_failing_verification", "where": "events_failing_verification_counts"},
            {"name": "events_failing_verification_doubtful", "where": "events_failing_verification_may_count"},
            {"name": "events_failing_verification_revised", "where": "events_failing_verification_is_revised"},
        ]},
        {"name": "events_verified", "counts": "is_verified", "columns": [
            {"name": "events_verified", "where": "events_verified_counts", "known_on": "verified_at"},
            {"name": "events_verified_passed", "where": "events_verified_counts and coalesce(verified_by_reporter, false)", "known_on": "verified_at"},
            {"name": "events_verified_may_pass", "where": "events_verified_is_own and coalesce(verified_by_reporter, true)", "known_on": "verified_at"},
            {"name": "events_verified_may_fail", "where": "events_verified_is_own and not coalesce(verified_by_reporter, false)", "known_on": "verified_at"},
            {"name": "events_verified_revised", "where": "events_verified_is_revised"},
            {"name": "events_verified_revised_counted", "where": "events_verified_is_revised", "known_on": "verified_at"},
            {"name": "events_verified_revised_passed", "where": "events_verified_is_revised and coalesce(verified_by_reporter, false)", "known_on": "verified_at"},
        ]},
        {"name": "micro_events", "counts": "micro_event", "columns": [
            {"name": "micro_events", "where": "micro_events_counts"},
            {"name": "micro_events_passed", "where": "micro_events_counts and coalesce(disposal = 'on_the_spot', false)", "known_on": "handled_at"},
            {"name": "micro_events_may_pass", "where": "micro_events_is_own and coalesce(disposal = 'on_the_spot', true)", "known_on": "handled_at"},
            {"name": "micro_events_may_fail", "where": "micro_events_is_own"},
            {"name": "micro_events_may_fail", "amount": "-1", "where": "micro_events_is_own and coalesce(disposal = 'on_the_spot', false) and handled_at is not null", "known_on": "handled_at"},
            {"name": "micro_events_revised", "where": "micro_events_is_revised"},
            {"name": "micro_events_revised_counted", "where": "micro_events_is_revised"},
            {"name": "micro_events_revised_passed", "where": "micro_events_is_revised and coalesce(disposal = 'on_the_spot', false)", "known_on": "handled_at"},
        ]},
        {"name": "micro_events_urged", "counts": "micro_event and disposal = 'urged'", "columns": [
            {"name": "micro_events_urged", "where": "micro_events_urged_counts", "known_on": "urged_at"},
            {"name": "micro_events_urged_passed", "where": "micro_events_urged_counts and coalesce(is_verified, false)", "known_on": "verified_at"},
            {"name": "micro_events_urged_may_pass", "where": "micro_events_urged_is_own and coalesce(is_verified, true)", "known_on": "greatest(verified_at, urged_at)"},
            {"name": "micro_events_urged_may_fail", "where": "micro_events_urged_is_own", "known_on": "urged_at"},
            {"name": "micro_events_urged_may_fail", "amount": "-1", "where": "micro_events_urged_is_own and coalesce(is_verified, false) and verified_at is not null", "known_on": "greatest(verified_at, urged_at)"},
            {"name": "micro_events_urged_revised", "where": "micro_events_urged_is_revised"},
            {"name": "micro_events_urged_revised_counted", "where": "micro_events_urged_is_revised", "known_on": "urged_at"},
            {"name": "micro_events_urged_revised_passed", "where": "micro_events_urged_is_revised and coalesce(is_verified, false)", "known_on": "verified_at"},
        ]},
    ]},
    {"name": "grid_disputes", "rows": ref("stg_grid_disputes"), "part": none, "key": "dispute_no", "measures": [
        {"name": "disputes_by_people", "counts": "channel = 'people'", "columns": [
            {"name": "disputes_by_people", "where": "disputes_by_people_counts"},
            {"name": "disputes_by_people_doubtful", "where": "disputes_by_people_may_count"},
            {"name": "disputes_by_people_revised", "where": "disputes_by_people_is_revised"},
        ]},
        {"name": "disputes_by_administration", "counts": "channel = 'administrative'", "columns": [
            {"name": "disputes_by_administration", "where": "disputes_by_administration_counts"},
            {"name": "disputes_by_administration_doubtful", "where": "disputes_by_administration_may_count"},
            {"name": "disputes_by_administration_revised", "where": "disputes_by_administration_is_revised"},
        ]},
        {"name": "disputes_by_court", "counts": "channel = 'judicial'", "columns": [
            {"name": "disputes_by_court", "where": "disputes_by_court_counts"},
            {"name": "disputes_by_court_doubtful", "where": "disputes_by_court_may_count"},
            {"name": "disputes_by_court_revised", "where": "disputes_by_court_is_revised"},
        ]},
        {"name": "disputes_by_unknown_channel", "counts": "channel is null", "columns": [
            {"name": "disputes_by_unknown_channel", "where": "disputes_by_unknown_channel_counts"},
            {"name": "disputes_by_unknown_channel_doubtful", "where": "disputes_by_unknown_channel_may_count"},
            {"name": "disputes_by_unknown_channel_revised", "where": "disputes_by_unknown_channel_is_revised"},
        ]},
        {"name": "overdue_casualties", "counts": "is_late", "columns": [
            {"name": "overdue_casualties", "type": "decimal(18,2)", "amount": "casualties", "where": "overdue_casualties_counts", "known_on": "overdue_on"},
            {"name": "overdue_casualties_doubtful", "type": "decimal(18,2)", "amount": "casualties", "where": "overdue_casualties_may_count", "known_on": "overdue_on"},
            {"name": "overdue_casualties_revised", "type": "decimal(18,2)", "amount": "casualties", "where": "overdue_casualties_is_revised", "known_on": "overdue_on"},
            {"name": "overdue_casualties_unbounded", "where": "overdue_casualties_may_count and casualties is null", "known_on": "overdue_on"},
        ]},
    ]},
] %}

{{ event_mart(datasets, "community_code", has_grids=true) }}
