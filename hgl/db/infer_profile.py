"""What every inference looks at first: counts, extremes and shapes of a table's columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from hgl.db.duck import described, identifier
from hgl.db.types import is_instant, is_number

EXACT_ROWS = 200_000
"""Up to this many rows distinct values are counted exactly, beyond it estimated (within 5 %)."""
SAMPLE_ROWS = 50_000
NULL_WORDS = ("", "\\N", "NULL", "null", "N/A", "#N/A", "NaN", "nan")
"""Text that stands for a missing value wherever it is found."""
DOUBTFUL_NULL_WORDS = ("NA", "None")
"""Text that may stand for one: `NA` is also Namibia."""
_WIDTH = 50
"""Columns per query: the time to plan one grows with the square of its aggregates."""

Family = Literal["int", "float", "text", "instant", "boolean", "other"]
"""How values compare: int includes floats that are all whole, as pandas makes of nullable ints."""


@dataclass(frozen=True)
class Shape:
    """What a sample of a text column's values looks like; shares are of non-null values, 0 to 1."""

    length: float = 0.0
    words: float = 0.0
    numbers: float = 0.0
    instants: float = 0.0
    tokens: float = 0.0


@dataclass(frozen=True)
class Profile:
    """One column of one table.

    Attributes:
        filled: values that are neither null nor one of `NULL_WORDS`.
        distinct: how many different ones; an estimate in a large table.
        null_words: values that are text standing for null, doubtful ones too.
    """

    name: str
    kind: str
    family: Family
    rows: int
    filled: int
    distinct: int
    least: Any = None
    greatest: Any = None
    null_words: int = 0
    shape: Shape = Shape()

    @property
    def nulls(self) -> float:
        """Share of rows without a value; 0 in an empty table."""
        return 1 - self.filled / self.rows if self.rows else 0.0

    @property
    def may_be_unique(self) -> bool:
        """Whether the counts allow every value to differ: the exact test is `is_unique`."""
        slack = 0.0 if self.rows <= EXACT_ROWS else 0.1
        return self.distinct >= (1 - slack) * self.filled

    @property
    def density(self) -> float:
        """Chance that a random value of this column's kind is one of its values, 0 to 1.

        Integers: share of the range that is taken. Text: share of the words of that length.
        """
        if not self.distinct:
            return 1.0
        if self.kind == "UUID":
            return 1e-12
        if self.family == "int":
            return min(1.0, self.distinct / (int(self.greatest) - int(self.least) + 1))
        letters = 10 if self.shape.numbers > 0.95 else 26
        return min(1.0, math.exp(math.log(self.distinct) - self.shape.length * math.log(letters)))


Profiles = dict[str, dict[str, Profile]]
"""Profiles by table and column."""


def profile(
    connection: duckdb.DuckDBPyConnection, table: str, known: Profiles | None = None
) -> dict[str, Profile]:
    """Return the profile of each column of the view `table`: two passes, one over a
    sample, for every 50 columns.

    Args:
        known: profiles made earlier; the table's is taken from there or added.
    """
    known = {} if known is None else known
    if table not in known:
        known[table] = _profiled(connection, table)
    return known[table]


def _profiled(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Profile]:
    kinds = described(connection, identifier(table))
    rows = connection.execute(f"SELECT count(*) FROM {identifier(table)}").fetchall()[0][0]
    counts: dict[str, tuple[Any, ...]] = {}
    shapes: dict[str, Shape] = {}
    for first in range(0, len(kinds), _WIDTH):
        some = dict(list(kinds.items())[first : first + _WIDTH])
        counts |= _counts(connection, table, some, exact=rows <= EXACT_ROWS)
        shapes |= _shapes(connection, table, [c for c, k in some.items() if k == "VARCHAR"])
    profiles = {}
    for name, kind in kinds.items():
        filled, distinct, least, greatest, whole, words = counts[name]
        profiles[name] = Profile(
            name=name,
            kind=kind,
            family=_family(kind, bool(whole)),
            rows=rows,
            filled=filled,
            distinct=min(distinct, filled),
            least=least,
            greatest=greatest,
            null_words=words,
            shape=shapes.get(name, Shape()),
        )
    return profiles


def value_sql(profile: Profile) -> str:
    """Return SQL for a value as keys compare it: whole floats as integers, null words as null."""
    column = identifier(profile.name)
    if profile.family == "int" and "INT" not in profile.kind:
        return f"TRY_CAST({column} AS BIGINT)"
    return _filled(column, profile.kind)


def instant_sql(profile: Profile) -> str:
    """Return SQL for a column's value as a timestamp in UTC, null where it is none.

    A number below 3000 is a year, known when it ends; others count from 1970.
    """
    column = identifier(profile.name)
    if profile.family == "instant":
        return f"{column}::TIMESTAMP"
    if profile.family == "text":
        return f"(TRY_CAST({column} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    number = f"{column}::DOUBLE"
    factor = f"CASE WHEN {number} < 1e11 THEN 1e6 WHEN {number} < 1e14 THEN 1e3 ELSE 1 END"
    year = f"make_timestamp({column}::BIGINT + 1, 1, 1, 0, 0, 0.0)"
    counted = f"make_timestamp(({number} * {factor})::BIGINT)"
    return f"CASE WHEN {number} < 3000 THEN {year} ELSE {counted} END"


def is_unique(connection: duckdb.DuckDBPyConnection, table: str, columns: list[Profile]) -> bool:
    """Whether no two rows of `table` agree in `columns`, exactly; nulls are left out."""
    values = ", ".join(value_sql(c) for c in columns)
    filled = " AND ".join(f"{value_sql(c)} IS NOT NULL" for c in columns)
    twice = connection.execute(
        f"SELECT 1 FROM {identifier(table)} WHERE {filled} GROUP BY {values} "
        "HAVING count(*) > 1 LIMIT 1"
    )
    return twice.fetchone() is None


def _family(kind: str, whole: bool) -> Family:
    if kind.endswith(("]", ")")) and not kind.startswith(("DECIMAL", "ENUM")):
        return "other"
    if kind == "BOOLEAN":
        return "boolean"
    if is_instant(kind):
        return "instant"
    if is_number(kind):
        return "int" if "INT" in kind or whole else "float"
    return "text" if kind in ("VARCHAR", "UUID") or kind.startswith("ENUM") else "other"


def _filled(column: str, kind: str, null_words: tuple[str, ...] = NULL_WORDS) -> str:
    """Return SQL for a value, null where it is text that stands for null or not a number."""
    if kind == "VARCHAR":
        listed = ", ".join(f"'{w}'" for w in null_words)
        return f"CASE WHEN trim({column}) NOT IN ({listed}) THEN {column} END"
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isfinite({column}) THEN {column} END"
    return column


def _counts(
    connection: duckdb.DuckDBPyConnection, table: str, kinds: Mapping[str, str], *, exact: bool
) -> dict[str, tuple[Any, ...]]:
    """Return per column: filled, distinct, least, greatest, all whole, null words."""
    terms = []
    for name, kind in kinds.items():
        column = identifier(name)
        value = _filled(column, kind)
        if _family(kind, False) == "other":
            terms += [f"count({column})", "0", "NULL", "NULL", "false", "0"]
            continue
        distinct = f"count(DISTINCT {value})" if exact else f"approx_count_distinct({value})"
        whole = (
            f"bool_and({value} = round({value}))" if _family(kind, False) == "float" else "false"
        )
        terms += [f"count({value})", distinct, f"min({value})", f"max({value})", whole]
        certain = _filled(column, kind, NULL_WORDS + DOUBTFUL_NULL_WORDS)
        terms.append(f"count({column}) - count({certain})" if kind == "VARCHAR" else "0")
    row = connection.execute(f"SELECT {', '.join(terms)} FROM {identifier(table)}").fetchall()[0]
    return {name: row[6 * i : 6 * i + 6] for i, name in enumerate(kinds)}


def _shapes(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]
) -> dict[str, Shape]:
    if not columns:
        return {}
    terms = []
    for name in columns:
        value = _filled(identifier(name), "VARCHAR", NULL_WORDS + DOUBTFUL_NULL_WORDS)
        filled = f"FILTER ({value} IS NOT NULL)"
        terms += [
            f"avg(length({value}))",
            f"avg(array_length(string_split(trim({value}), ' ')))",
            f"avg((TRY_CAST({value} AS DOUBLE) IS NOT NULL)::INT) {filled}",
            f"avg(coalesce(TRY_CAST({value} AS TIMESTAMPTZ) > {_EARLIEST}, false)::INT) {filled}",
            f"avg(regexp_matches({value}, '{_TOKEN}')::INT)",
        ]
    sample = f"SELECT {', '.join(identifier(c) for c in columns)} FROM {identifier(table)}"
    row = connection.execute(
        f"SELECT {', '.join(terms)} FROM ({sample} USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) "
        "REPEATABLE (0))"
    ).fetchall()[0]
    return {
        name: Shape(*(v or 0.0 for v in row[5 * i : 5 * i + 5])) for i, name in enumerate(columns)
    }


_EARLIEST = "TIMESTAMPTZ '1000-01-01'"
"""Text such as `1/2/20` is read as the year 1: no instant before this one is believed."""
_TOKEN = (
    r"^(https?://\S+|www\.\S+|[^@\s]+@[^@\s]+\.\w+|[0-9a-fA-F]{16,}"
    r"|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[+(]?[0-9][0-9 ()./+-]{5,}"
    r"|/?([\w.-]+[/\\])+[\w.-]+\.\w+)$"
)
"""Addresses, hashes, telephone numbers and paths: text that points somewhere and says nothing."""
