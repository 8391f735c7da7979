"""Point-in-time columns of a seed: one plan, computed in DuckDB for many and in SQL for one."""
