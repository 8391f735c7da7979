"""What each SQL dialect must be told so that a column arrives as one plain Arrow type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Kind = Literal[
    "boolean", "integer", "unsigned", "decimal", "float", "date", "timestamp", "timestamptz",
    "text", "other", "bits", "blob", "hex", "untyped",
]  # fmt: skip
"""What a reflected column holds. `other`: no plain type of its own, read as text; `hex`: a binary
key, read as hexadecimal text; `blob`: left out; `untyped`: the dialect declares nothing."""

ARROW: Mapping[Kind, pa.DataType] = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "unsigned": pa.uint64(),
    "bits": pa.int64(),
    "decimal": pa.float64(),
    "float": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us"),
    "text": pa.string(),
    "other": pa.string(),
    "hex": pa.string(),
    "untyped": pa.string(),
}
"""What each kind is stored as; `untyped` only until its values have been looked at."""


@dataclass(frozen=True)
class Dialect:
    """How to read one SQL dialect.

    Attributes:
        snapshot: statements that open the one read-only transaction everything is read in.
        expressions: per kind, the SQL that reads column `{}`; a kind not listed is read as it is.
    """

    snapshot: tuple[str, ...] = ()
    expressions: Mapping[Kind, str] = field(default_factory=dict)

    def select(self, kind: Kind, column: str) -> str:
        """Return the SQL that reads the quoted `column` of `kind`."""
        return self.expressions.get(kind, "{}").replace("{}", column)


# Python's dates and Arrow's microseconds both end long before PostgreSQL's do, and infinity is
# neither: ADBC lets them wrap around without a word.
_KNOWN_YEARS = "CASE WHEN {} >= '0001-01-01' AND {} <= '9999-12-31' THEN {} END"

POSTGRESQL = Dialect(
    snapshot=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",),
    expressions={
        "integer": "{}::bigint",
        "decimal": "{}::numeric::float8",
        "float": "{}::float8",
        "date": _KNOWN_YEARS,
        "timestamp": _KNOWN_YEARS,
        "timestamptz": f"({_KNOWN_YEARS}) AT TIME ZONE 'UTC'",
        "text": "{}::text",
        "other": "{}::text",
        "hex": "encode({}, 'hex')",
    },
)

MYSQL = Dialect(
    snapshot=(
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION net_write_timeout = 3600",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    expressions={
        "decimal": "{} + 0e0",
        "bits": "{} + 0",
        "other": "CAST({} AS CHAR)",
        "hex": "LOWER(HEX({}))",
    },
)

SQLITE = Dialect(
    snapshot=("BEGIN",),
    expressions={
        "date": "CAST({} AS TEXT)",
        "timestamp": "CAST({} AS TEXT)",
        "other": "CAST({} AS TEXT)",
        "hex": "lower(hex({}))",
    },
)

_NUMBER = "typeof({}) IN ('integer', 'real')"
_TEXT = "CASE WHEN typeof({}) != 'blob' THEN CAST({} AS TEXT) END"

CAREFUL_SQLITE = Dialect(
    snapshot=SQLITE.snapshot,
    expressions={
        "boolean": f"CASE WHEN {_NUMBER} THEN {{}} != 0 "
        "WHEN lower({}) IN ('true', 't', 'yes', 'y') THEN 1 "
        "WHEN lower({}) IN ('false', 'f', 'no', 'n') THEN 0 END",
        "integer": f"CASE WHEN {_NUMBER} AND {{}} = CAST({{}} AS INTEGER) "
        "THEN CAST({} AS INTEGER) END",
        "decimal": f"CASE WHEN {_NUMBER} THEN CAST({{}} AS REAL) END",
        "float": f"CASE WHEN {_NUMBER} THEN CAST({{}} AS REAL) END",
        "date": _TEXT,
        "timestamp": _TEXT,
        "text": _TEXT,
        "other": _TEXT,
        "hex": "lower(hex({}))",
    },
)
"""For a table whose values do not fit their declared types: what does not fit becomes null."""

DIALECTS: Mapping[str, Dialect] = {
    "postgresql": POSTGRESQL,
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "sqlite": SQLITE,
}
OTHER = Dialect()
"""Any other dialect: columns are read as they are and converted here."""
