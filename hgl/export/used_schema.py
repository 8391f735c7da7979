"""The part of a database's shape that a student depends on, and how another one differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hgl.aggregates.live.needs import needs
from hgl.aggregates.plan import FeaturePlan
from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.errors import SchemaError

_SHOWN = 5
_FAMILIES = {
    "int": "number",
    "uint": "number",
    "float": "number",
    "double": "number",
    "half": "number",
    "decimal": "number",
    "bool": "boolean",
    "date": "time",
    "timestamp": "time",
}


@dataclass(frozen=True)
class UsedSchema:
    """Tables by name: key columns, time column, columns and foreign keys that are read.

    Attributes:
        tables: plain values, as JSON holds them.
    """

    tables: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, schema: Schema, plan: FeaturePlan) -> UsedSchema:
        """Return what `plan`, which has passed `check`, and requests read of a database."""
        found = {}
        for name, needed in needs(schema, plan).items():
            table = schema.table(name)
            read = set(needed.columns)
            read |= {table.time_col} if needed.timed and table.time_col else set()
            read |= set(_named_by(table)) if name == plan.entity_table else set()
            found[name] = {
                "pkey": list(table.pkey),
                "time_col": table.time_col if needed.timed else None,
                "columns": {c: table.column(c).type for c in sorted(read)},
                "fkeys": {f.name: _ends(f) for f in table.fkeys if f.name in needed.fkeys},
            }
        return cls(found)

    @property
    def fingerprint(self) -> str:
        """Hash of it all: two databases with the same one suit the same students."""
        text = json.dumps(self.tables, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check(self, schema: Schema) -> None:
        """Check that a database still has everything, as it was; new rows and columns are fine.

        Raises: SchemaError: something is gone or changed; the message says what.
        """
        changes = [
            change
            for name, used in self.tables.items()
            for change in _changes(name, used, schema.tables.get(name))
        ]
        if changes:
            more = f"; and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
            raise SchemaError(
                f"database {schema.name!r} is not the one that the student was made for: "
                f"{'; '.join(changes[:_SHOWN])}{more}"
            )


def _named_by(table: TableSchema) -> tuple[str, ...]:
    """What requests name a row by: its key, or its position where there is none."""
    return table.pkey or (str(table.row_col),)


def _ends(fkey: ForeignKey) -> dict[str, Any]:
    return {
        "columns": list(fkey.columns),
        "parent": fkey.parent,
        "parent_columns": list(fkey.parent_columns),
    }


def _changes(name: str, used: Mapping[str, Any], table: TableSchema | None) -> Iterator[str]:
    if table is None:
        yield f"table {name!r} is gone"
        return
    if used["pkey"] != list(table.pkey):
        yield f"table {name!r} has key {_key(table.pkey)}, had {_key(used['pkey'])}"
    if used["time_col"] not in (None, table.time_col):
        yield f"table {name!r} has time column {table.time_col}, had {used['time_col']}"
    types = {c.name: c.type for c in table.columns}
    for column, kind in used["columns"].items():
        if column not in types:
            yield f"column {name}.{column} is gone"
        elif family(types[column]) != family(kind):
            yield f"column {name}.{column} is {types[column]}, was {kind}"
    ends = {f.name: _ends(f) for f in table.fkeys}
    for fkey, end in used["fkeys"].items():
        if fkey not in ends:
            yield f"foreign key {name}.{fkey} is gone"
        elif ends[fkey] != end:
            yield f"foreign key {name}.{fkey} is {_arrow(ends[fkey])}, was {_arrow(end)}"


def _key(columns: Any) -> str:
    return ", ".join(columns) or "none"


def _arrow(end: Mapping[str, Any]) -> str:
    return f"{_key(end['columns'])} to {end['parent']}({_key(end['parent_columns'])})"


def family(kind: str) -> str:
    """Return what an Arrow type holds: number, boolean, time or text; its width is no matter."""
    return _FAMILIES.get(kind.split("[")[0].split("(")[0].rstrip("0123456789"), "text")
