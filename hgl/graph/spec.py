"""Which tables and foreign keys of a database are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hgl.errors import SchemaError
from hgl.typing import NodeType

if TYPE_CHECKING:
    from hgl.db.schema import ForeignKey, Schema


@dataclass(frozen=True)
class GraphSpec:
    """Every table a node type and every foreign key a pair of relations, except what is left out.

    Attributes:
        without_tables: tables that are not drawn; neither are the foreign keys that touch them.
        without_fkeys: (table, foreign key name) pairs that are not drawn.
    """

    without_tables: tuple[str, ...] = ()
    without_fkeys: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        fkeys = sorted({(table, fkey) for table, fkey in self.without_fkeys})
        object.__setattr__(self, "without_tables", tuple(sorted(set(self.without_tables))))
        object.__setattr__(self, "without_fkeys", tuple(fkeys))

    def check(self, schema: Schema, entity_table: NodeType | None = None) -> None:
        """Check that everything named exists and the entity table, when known, is drawn.

        Raises: SchemaError: an unknown table or foreign key, no table left, or the entity table
            is left out.
        """
        for table in (*self.without_tables, *(table for table, _ in self.without_fkeys)):
            schema.table(table)
        for table, fkey in self.without_fkeys:
            known = [f.name for f in schema.table(table).fkeys]
            if fkey not in known:
                raise SchemaError(
                    f"foreign key {fkey!r} is not in table {table!r}; it has: "
                    f"{', '.join(known) or 'none'}"
                )
        if entity_table is not None and entity_table not in self.tables(schema):
            raise SchemaError(
                f"without_tables={list(self.without_tables)}: expected the entity table "
                f"{schema.table(entity_table).name!r} to be drawn"
            )
        if not self.tables(schema):
            raise SchemaError("without_tables names every table: expected at least one to be drawn")

    def tables(self, schema: Schema) -> list[NodeType]:
        """Names of the tables drawn, sorted."""
        return sorted(set(schema.tables) - set(self.without_tables))

    def fkeys(self, schema: Schema) -> list[tuple[NodeType, ForeignKey]]:
        """Foreign keys drawn, each with its table."""
        drawn = set(self.tables(schema))
        return [
            (table, fkey)
            for table in self.tables(schema)
            for fkey in schema.table(table).fkeys
            if fkey.parent in drawn and (table, fkey.name) not in self.without_fkeys
        ]
