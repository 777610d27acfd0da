"""How data moves: landing → read → protect → batch and verdicts → dbt → audit → edition."""
