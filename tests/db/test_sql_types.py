"""Each server's own types, and the values that drivers coerce or choke on."""

from __future__ import annotations

import datetime
import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from hgl.db.database import Database
from hgl.db.sql import reflect
from tests.db.conftest import engine, scratch

KEYS_OFF = {"tables": {"t": {"pkey": "id", "fkeys": {}, "time_col": None}}}
NAN, INF = float("nan"), float("inf")

POSTGRESQL = [
    # declared type, SQL value, what must come out
    ("smallint", "-32768", -32768),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("numeric", "123456.789", 123456.789),
    ("numeric(12,0)", "123456789012", 123456789012),
    ("numeric(10,2)", "'NaN'", NAN),
    ("real", "1.5", 1.5),
    ("double precision", "'-Infinity'", -INF),
    ("money", "'12.34'", 12.34),
    ("boolean", "true", True),
    ("date", "'1600-02-29'", datetime.date(1600, 2, 29)),
    ("date", "'infinity'", None),
    ("date", "'4713-01-01 BC'", None),
    ("timestamp", "'2020-01-01 00:00:00.000001'", pd.Timestamp("2020-01-01 00:00:00.000001")),
    ("timestamp", "'infinity'", None),
    ("timestamp", "'294276-01-01'", None),
    ("timestamptz", "'2020-01-01 00:00:00+05:30'", pd.Timestamp("2019-12-31 18:30")),
    ("timestamptz", "'-infinity'", None),
    ("time", "'12:34:56'", "12:34:56"),
    ("interval", "'1 day 2 hours'", "1 day 02:00:00"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("jsonb", """'{"a": 1}'""", '{"a": 1}'),
    ("inet", "'10.0.0.1'", "10.0.0.1/32"),
    ("int[]", "'{1,2}'", "{1,2}"),
    ("mood", "'sad'", "sad"),
    ("small", "5", 5),
    ("char(5)", "'ab'", "ab"),
    ("text", r"E'\\N'", "\\N"),
    ("text", "''", ""),
    ("text", "null", None),
    ("bit(4)", "B'1010'", "1010"),
    ("oid", "4294967295", 4294967295),
    ("xml", "'<a/>'", "<a/>"),
]

MYSQL = [
    ("tinyint(1)", "1", 1),
    ("bigint unsigned", "18446744073709551615", 18446744073709551615),
    ("int unsigned", "4294967295", 4294967295),
    ("decimal(20,4)", "12345.6789", 12345.6789),
    ("decimal(10,0)", "1234567890", 1234567890),
    ("double", "1e300", 1e300),
    ("date", "'2020-02-29'", datetime.date(2020, 2, 29)),
    ("date", "'0000-00-00'", None),
    ("datetime(6)", "'2020-01-01 00:00:00.000001'", pd.Timestamp("2020-01-01 00:00:00.000001")),
    ("datetime", "'0000-00-00'", None),
    ("timestamp null", "'2020-01-01 00:00:00'", pd.Timestamp("2019-12-31 18:30")),
    ("time", "'-838:59:59'", "-838:59:59"),
    ("year", "2020", 2020),
    ("bit(10)", "b'1010'", 10),
    ("enum('sad','ok')", "'sad'", "sad"),
    ("set('a','b')", "'a,b'", "a,b"),
    ("json", """'{"a": 1}'""", '{"a": 1}'),
    ("char(5)", "'ab'", "ab"),
    ("text", "null", None),
    ("varchar(20)", "'日本 😀'", "日本 😀"),
]


def test_postgresql_types(tmp_path: Path) -> None:
    with scratch("postgresql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
            connection.exec_driver_sql("CREATE DOMAIN small AS integer CHECK (value < 10)")
            _fill(connection, POSTGRESQL)
            connection.exec_driver_sql("ALTER TABLE t ADD blob bytea")
        _check(_read(url), POSTGRESQL)


def test_postgresql_without_adbc_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with scratch("postgresql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
            connection.exec_driver_sql("CREATE DOMAIN small AS integer CHECK (value < 10)")
            _fill(connection, POSTGRESQL)
        _check(_read(url), POSTGRESQL)


def test_mysql_types(tmp_path: Path) -> None:
    with scratch("mysql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql("SET sql_mode = ''")
            connection.exec_driver_sql("SET time_zone = '+05:30'")
            _fill(connection, MYSQL)
        _check(_read(url), MYSQL)


def test_partitions_are_read_once(tmp_path: Path) -> None:
    with scratch("postgresql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (id int) PARTITION BY RANGE (id)")
            connection.exec_driver_sql("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)")
            connection.exec_driver_sql("INSERT INTO t SELECT generate_series(0, 8)")
        db = Database.open(url, manifest=KEYS_OFF)
        assert list(db.schema.tables) == ["t"]
        assert len(db.frame("t")) == 9


def test_another_schema_is_read_by_name(tmp_path: Path) -> None:
    with scratch("postgresql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql('CREATE SCHEMA "Other one"')
            connection.exec_driver_sql("CREATE TABLE here (id int PRIMARY KEY)")
            connection.exec_driver_sql('CREATE TABLE "Other one".here (id int PRIMARY KEY)')
            connection.exec_driver_sql(
                'CREATE TABLE "Other one".there (id int PRIMARY KEY, far int REFERENCES here, '
                'near int REFERENCES "Other one".here)'
            )
            connection.exec_driver_sql('INSERT INTO "Other one".there VALUES (5, NULL, NULL)')
        db = Database.open(url, sql_schema="Other one")
        assert list(db.frame("there")["id"]) == [5]
        assert list(db.schema.tables) == ["here", "there"]
        assert [f.name for f in db.schema.table("there").fkeys] == ["near"]
        with pytest.raises(ValueError, match=r"sql_schema 'else' is unknown; there are: .*Other"):
            reflect(url, sql_schema="else")


@pytest.mark.parametrize("kind", ["binary(16)", "varbinary(16)"])
def test_binary_keys_become_hexadecimal(kind: str, tmp_path: Path) -> None:
    with scratch("mysql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE p (id {kind} PRIMARY KEY)")
            connection.exec_driver_sql(
                f"CREATE TABLE c (p {kind}, FOREIGN KEY (p) REFERENCES p (id))"
            )
            connection.exec_driver_sql("INSERT INTO p VALUES (unhex(repeat('ab', 16)))")
            connection.exec_driver_sql("INSERT INTO c SELECT id FROM p")
        db = Database.open(url)
        assert list(db.frame("p")["id"]) == ["ab" * 16]
        assert list(db.frame("c")["p_row"]) == [0]


def _fill(connection: sa.Connection, cases: list[tuple[str, str, Any]]) -> None:
    """Create `t` with one column per case and three rows: the value between two rows of nulls."""
    columns = ", ".join(f"c{i} {kind}" for i, (kind, _, _) in enumerate(cases))
    values = ", ".join(value for _, value, _ in cases)
    connection.exec_driver_sql(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    connection.exec_driver_sql("INSERT INTO t (id) VALUES (1), (3)")
    connection.exec_driver_sql(f"INSERT INTO t VALUES (2, {values})")


def _read(url: str) -> pa.Table:
    return pq.read_table(Database.open(url, manifest=KEYS_OFF).path("t"))


def _check(table: pa.Table, cases: list[tuple[str, str, Any]]) -> None:
    for i, (kind, value, expected) in enumerate(cases):
        before, found, after = table[f"c{i}"].to_pylist()
        assert before is after is None
        if expected is not NAN:
            assert found == expected, (kind, value, found)
        else:
            assert math.isnan(found), (kind, value, found)
