"""dbt in a process of its own, which imports and parses while the one that asks takes files in."""
