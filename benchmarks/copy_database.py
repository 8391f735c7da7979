"""Copy a database, keys included, to a server: python benchmarks/copy_database.py SOURCE TARGET

SOURCE is an SQLAlchemy URL or a bundled name, TARGET the URL of an empty database, for example
`postgresql+psycopg://postgres@127.0.0.1/flights` or `mysql+pymysql://root@127.0.0.1/flights`.
Foreign keys are declared after the rows are in, and not validated: real data has keys that dangle.
"""

from __future__ import annotations

import sys

import sqlalchemy as sa

from hgl import datasets

ROWS_AT_ONCE = 20_000


def copy(source: str, target: str) -> dict[str, int]:
    """Copy every table of `source`; return the number of rows by table."""
    tables = sa.MetaData()
    read_from, write_to = sa.create_engine(source), sa.create_engine(target)
    tables.reflect(read_from)
    for table in tables.sorted_tables:
        for column in table.columns:
            column.type, column.autoincrement = _portable(column.type), False
    with read_from.connect() as reading, write_to.begin() as writing:
        for table in tables.sorted_tables:
            writing.execute(sa.schema.CreateTable(table, include_foreign_key_constraints=[]))
        rows = {table.name: _copy_rows(reading, writing, table) for table in tables.sorted_tables}
        _declare_foreign_keys(writing, tables)
    read_from.dispose()
    write_to.dispose()
    return rows


def _portable(type_: sa.types.TypeEngine) -> sa.types.TypeEngine:
    generic = type_.as_generic()
    return sa.Double() if isinstance(generic, sa.Float) else generic


def _copy_rows(reading: sa.Connection, writing: sa.Connection, table: sa.Table) -> int:
    found = reading.execution_options(yield_per=ROWS_AT_ONCE).execute(sa.select(table))
    count = 0
    for part in found.mappings().partitions():
        writing.execute(sa.insert(table), [dict(row) for row in part])
        count += len(part)
    return count


def _declare_foreign_keys(writing: sa.Connection, tables: sa.MetaData) -> None:
    if writing.dialect.name in ("mysql", "mariadb"):
        writing.execute(sa.text("SET foreign_key_checks = 0"))
    for table in tables.sorted_tables:
        for key in table.foreign_key_constraints:
            key.dialect_options["postgresql"]["not_valid"] = True
            writing.execute(sa.schema.AddConstraint(key))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    bundled = sys.argv[1] in datasets.names()
    url = datasets.find(sys.argv[1]).source() if bundled else sys.argv[1]
    for name, count in copy(url, sys.argv[2]).items():
        print(f"{name:12} {count:9,} rows")
