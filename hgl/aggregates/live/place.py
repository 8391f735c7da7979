"""Where a plan's tables lie and how SQL reads them: a live database, or a snapshot of one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DialectName = Literal["postgresql", "sqlite"]
KeyKind = Literal["integer", "number", "boolean", "text", "bytes", "ticks"]
"""What a value given for a key becomes; `ticks`: an instant, in microseconds."""

EARLIEST = -(10**12)
"""Before every instant, in seconds: known from the start."""


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes:
        column: quoted.
        sql: SQL in which `{}` stands for the column.
        kind: what the SQL returns; a category may be read as the number it stands for.
    """

    column: str
    sql: str = "{}"
    kind: Literal["number", "text"] = "number"

    def of(self, rows: str) -> str:
        """Return the SQL that reads the column of the rows of that name."""
        return self.sql.replace("{}", f"{rows}.{self.column}")

    def key(self, text: str) -> str | float | None:
        """Return what the SQL returns where the arranged copy has `text`; None: never."""
        if self.kind == "text":
            return text
        if text in ("true", "false"):
            return int(text == "true")
        for number in (int, float):
            with contextlib.suppress(ValueError):
                return number(text)
        return None


@dataclass(frozen=True)
class Moment:
    """How a time is compared and read, without wrapping the column that is indexed.

    Attributes:
        column: quoted; in some rows, an expression.
        bound: SQL of the largest value of the column that is no later than `{}`, seconds.
        seconds: SQL of the value `{}` as seconds since the epoch, rounded up.
        ticks: SQL of the value `{}` as microseconds since the epoch.
        exact: SQL of the value `{}` by which rows are ordered.
        least: SQL of the smallest value that is a time; None: every value is one.
        null_visible: whether an unknown time is the earliest of all, not hidden.
    """

    column: str
    bound: str = "{}"
    seconds: str = "{}"
    ticks: str = "{} * 1000000"
    exact: str = "{}"
    least: str | None = None
    null_visible: bool = False


@dataclass(frozen=True)
class Link:
    """A foreign key: quoted columns of the child, and those of the parent that they equal."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """One term of the order that rows have at equal times; ascending, nulls last.

    Attributes:
        sql: SQL to order by; the quoted column goes where `{}` stands.
    """

    column: str
    sql: str = "{}"
    nullable: bool = False


@dataclass(frozen=True)
class TablePlace:
    """One table.

    Attributes:
        quoted: the table's name in SQL.
        numbers, texts, instants: how columns of the arranged copy are read: as a finite number,
            as a category, as seconds since the epoch.
        time: own time; None: inherited or static.
        inherited: foreign keys to the rows whose latest time is this table's.
        order: of rows at equal times.
    """

    quoted: str
    numbers: Mapping[str, Reading] = field(default_factory=dict)
    texts: Mapping[str, Reading] = field(default_factory=dict)
    instants: Mapping[str, Reading] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    time: Moment | None = None
    inherited: tuple[str, ...] = ()
    order: tuple[Order, ...] = ()


@dataclass(frozen=True)
class KeyColumn:
    """One column that names the entity.

    Attributes:
        quoted: in the entity's table.
        sql_type: PostgreSQL's type of the column.
    """

    name: str
    quoted: str
    kind: KeyKind
    sql_type: str = ""


@dataclass(frozen=True)
class Place:
    """Tables of one database; `key` names a row of the entity's."""

    dialect: DialectName
    key: tuple[KeyColumn, ...]
    tables: Mapping[str, TablePlace]
