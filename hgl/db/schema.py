"""The shape of a database: tables, columns, keys, and the manifest that stores them.

The manifest is RelBench v3's `manifest.yaml` plus one block, `hgl`, with what RelBench's contract
cannot say: the user's own key columns (composite keys too), semantic types and how time was found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hgl.db.files import aside_of
from hgl.db.shape import check_fields
from hgl.db.yaml_file import read_yaml, yaml_text
from hgl.errors import CacheError, SchemaError, SourceError
from hgl.typing import Stype


@dataclass(frozen=True)
class Column:
    """One column as stored in Parquet.

    Attributes:
        type: Arrow type as text, for example `int64` or `timestamp[us]`.
        stype: semantic type; None until inferred.
        reason: why `stype` was chosen, for people.
    """

    name: str
    type: str
    stype: Stype | None = None
    reason: str = ""


@dataclass(frozen=True)
class ForeignKey:
    """Child columns that name a parent row.

    Attributes:
        name: the relation's label; edges are `f2p_<name>` and `rev_f2p_<name>`.
        columns: the child's columns, in the order of `parent_columns`.
        parent: parent table.
        parent_columns: a key of the parent, usually its primary key.
        row_col: child's Parquet column with the parent's row position (0..n-1), null where the key
            is null or dangling.
    """

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    row_col: str


@dataclass(frozen=True)
class TableSchema:
    """One table.

    Attributes:
        pkey: the user's key columns, `()` when there is none.
        row_col: Parquet column holding 0..n-1 in row order (RelBench's primary key), or None.
        time_col: when a row became known; None for a static table. Rows are stored in its order,
            nulls last.
        time_reason: how the time column was chosen, for people.
        null_times: `hidden` (a null time is never visible) or `visible`.
        num_rows: rows stored.
    """

    name: str
    columns: tuple[Column, ...]
    pkey: tuple[str, ...] = ()
    row_col: str | None = None
    time_col: str | None = None
    time_reason: str = ""
    null_times: str = "hidden"
    fkeys: tuple[ForeignKey, ...] = ()
    num_rows: int = 0

    def column(self, name: str) -> Column:
        """Return the column called `name`. Raises: SchemaError: there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(c.name for c in self.columns)
        raise SchemaError(f"column {name!r} is not in table {self.name!r}; it has: {known}")

    @property
    def key_columns(self) -> frozenset[str]:
        """Columns that carry identity rather than content: never features."""
        named = {self.row_col, *self.pkey} - {None}
        for fkey in self.fkeys:
            named |= {fkey.row_col, *fkey.columns}
        return frozenset(named)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Schema:
    """A database: tables in name order, split timestamps (ISO text, UTC) and a content fingerprint.

    Attributes:
        fingerprint: hash of all stored data; "" before ingest.
        proposed_timestamps: True where nobody stated the split and ingest proposed one.
    """

    name: str
    tables: Mapping[str, TableSchema]
    val_timestamp: str | None = None
    test_timestamp: str | None = None
    description: str = ""
    fingerprint: str = ""
    proposed_timestamps: bool = False
    defects: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", dict(sorted(self.tables.items())))
        for table in self.tables.values():
            for fkey in table.fkeys:
                if fkey.parent not in self.tables:
                    raise SchemaError(
                        f"foreign key {table.name}.{fkey.name} refers to table {fkey.parent!r}; "
                        f"tables are: {', '.join(self.tables)}"
                    )

    def table(self, name: str) -> TableSchema:
        """Return the table called `name`. Raises: SchemaError: there is none."""
        if name not in self.tables:
            raise SchemaError(f"table {name!r} not found; tables are: {', '.join(self.tables)}")
        return self.tables[name]

    @property
    def static_tables(self) -> list[str]:
        """Tables without a time column: always visible."""
        return [t.name for t in self.tables.values() if t.time_col is None]

    def to_manifest(self) -> dict[str, Any]:
        """Return RelBench v3's manifest with our block `hgl` beside it."""
        relbench = {
            t.name: {
                "pkey": t.row_col,
                "time_col": t.time_col,
                "fkeys": {f.row_col: f.parent for f in t.fkeys},
            }
            for t in self.tables.values()
        }
        return {
            "name": self.name,
            "manifest_version": 1,
            "description": self.description,
            "val_timestamp": self.val_timestamp,
            "test_timestamp": self.test_timestamp,
            "tables": relbench,
            "hgl": {
                "version": 1,
                "fingerprint": self.fingerprint,
                "proposed_timestamps": self.proposed_timestamps,
                "defects": dict(self.defects),
                "tables": {t.name: _table_block(t) for t in self.tables.values()},
            },
        }

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Schema:
        """Read a manifest that has our block. A plain RelBench one is read by `hgl.db.relbench`.

        Raises: CacheError: it is not what `to_manifest` returns.
        """
        try:
            block = manifest["hgl"]
            schema = cls(
                name=manifest["name"],
                tables={
                    n: _read_table(n, t, manifest["tables"][n]) for n, t in block["tables"].items()
                },
                val_timestamp=manifest.get("val_timestamp"),
                test_timestamp=manifest.get("test_timestamp"),
                description=manifest.get("description") or "",
                fingerprint=block["fingerprint"],
                proposed_timestamps=block["proposed_timestamps"],
                defects=block["defects"],
            )
            check_fields(schema)
        except (KeyError, TypeError, AttributeError) as error:
            raise CacheError(
                f"manifest of an arranged folder is damaged ({type(error).__name__}: {error}): "
                "ingest again"
            ) from None
        return schema


def read_manifest(file: Path) -> Mapping[str, Any]:
    """Return what a `manifest.yaml` holds. Raises: SourceError: it cannot be read as a mapping."""
    content = read_yaml(file, "manifest")
    if not isinstance(content, Mapping):
        raise SourceError(f"manifest {str(file)!r} is not a mapping with a key `tables`")
    return content


def write_manifest(schema: Schema, folder: Path) -> None:
    """Write `folder/manifest.yaml`, which is either whole or absent."""
    with aside_of(folder / "manifest.yaml") as aside:
        aside.write_text(yaml_text(schema.to_manifest()), encoding="utf-8")


def _table_block(table: TableSchema) -> dict[str, Any]:
    return {
        "pkey": list(table.pkey),
        "num_rows": table.num_rows,
        "time_reason": table.time_reason,
        "null_times": table.null_times,
        "fkeys": {
            f.name: {
                "columns": list(f.columns),
                "parent": f.parent,
                "parent_columns": list(f.parent_columns),
                "row_col": f.row_col,
            }
            for f in table.fkeys
        },
        "columns": {
            c.name: {"type": c.type, "stype": c.stype, "reason": c.reason} for c in table.columns
        },
    }


def _read_table(name: str, block: Mapping[str, Any], relbench: Mapping[str, Any]) -> TableSchema:
    fkeys = tuple(
        ForeignKey(fkey, tuple(f["columns"]), f["parent"], tuple(f["parent_columns"]), f["row_col"])
        for fkey, f in block["fkeys"].items()
    )
    return TableSchema(
        name=name,
        columns=tuple(Column(c, **kept) for c, kept in block["columns"].items()),
        pkey=tuple(block["pkey"]),
        row_col=relbench["pkey"],
        time_col=relbench["time_col"],
        time_reason=block["time_reason"],
        null_times=block["null_times"],
        fkeys=fkeys,
        num_rows=block["num_rows"],
    )


def replace_table(schema: Schema, table: TableSchema) -> Schema:
    """Return `schema` with `table` in the place of the one of that name."""
    return dataclasses.replace(schema, tables={**schema.tables, table.name: table})
