"""What is measured of columns before anything is inferred from them."""

from __future__ import annotations

from typing import Any

import duckdb

from hgl.db.infer_profile import profile


class Listening:
    """A connection that remembers its queries."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self.queries = connection, list[str]()

    def execute(self, sql: str) -> Any:
        """Remember and run."""
        self.queries.append(sql)
        return self.connection.execute(sql)


def test_a_wide_table_is_measured_a_few_columns_at_a_time() -> None:
    """DuckDB plans one query over a thousand columns for minutes."""
    with duckdb.connect() as connection:
        columns = ", ".join(f"i + {n} AS c{n}, 'x{n}' AS t{n}" for n in range(120))
        connection.execute(f"CREATE TABLE wide AS SELECT {columns} FROM range(5) r(i)")
        listening = Listening(connection)
        found = profile(listening, "wide")  # type: ignore[arg-type]
    assert len(found) == 240
    assert (found["c7"].least, found["c7"].greatest, found["t119"].distinct) == (7, 11, 1)
    assert max(sql.count("count(DISTINCT") for sql in listening.queries) <= 60
