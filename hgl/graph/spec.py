"""Which tables and foreign keys of a database are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from hgl.errors import ConfigError, SchemaError
from hgl.typing import NodeType

if TYPE_CHECKING:
    from hgl.db.schema import ForeignKey, Schema

NullKeys = Literal["drop", "sink"]
"""A row that is to be an edge and has one null key: `drop` leaves it out, `sink` joins the row that
its other key names with a sink (see `hgl.graph.sinks`)."""


@dataclass(frozen=True)
class GraphSpec:
    """Every table a node type and every foreign key a pair of relations, except what is said here.

    Attributes:
        without_tables: tables that are not drawn; neither are the foreign keys that touch them.
        without_fkeys: (table, foreign key name) pairs that are not drawn.
        edge_tables: tables whose rows are edges between the rows that their two foreign keys name,
            as RDB2G-Bench draws them (arXiv:2506.01360); a row's columns and time come along with
            its edge, at either end.
        null_keys: what becomes of rows of `edge_tables` that have one null key: `drop` leaves them
            out; `sink` draws them as edges from a sink to the row that they do name, so that it has
            their columns and time. Rows with two null keys are left out.
    Raises: ConfigError: `null_keys` is neither.
    """

    without_tables: tuple[str, ...] = ()
    without_fkeys: tuple[tuple[str, str], ...] = ()
    edge_tables: tuple[str, ...] = ()
    null_keys: NullKeys = "drop"

    def __post_init__(self) -> None:
        if self.null_keys not in get_args(NullKeys):
            raise ConfigError(f"null_keys={self.null_keys!r}: expected drop or sink")
        fkeys = sorted({(table, fkey) for table, fkey in self.without_fkeys})
        object.__setattr__(self, "without_tables", tuple(sorted(set(self.without_tables))))
        object.__setattr__(self, "without_fkeys", tuple(fkeys))
        object.__setattr__(self, "edge_tables", tuple(sorted(set(self.edge_tables))))

    def check(self, schema: Schema, entity_table: NodeType | None = None) -> None:
        """Check that everything named exists and the entity table, when known, is drawn.

        Raises: SchemaError: an unknown table or foreign key, no table left, the entity table is
            left out or edges, or a table cannot be edges, or its sink has the name of a table.
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
            edges = entity_table in self.edge_tables
            named = "edge_tables" if edges else "without_tables"
            raise SchemaError(
                f"{named}={list(getattr(self, named))}: expected the entity table "
                f"{schema.table(entity_table).name!r} to be drawn{' as rows' if edges else ''}"
            )
        for table in self.edge_tables:
            self._check_edges(schema, table)
        if not self.tables(schema):
            raise SchemaError("without_tables names every table: expected at least one to be drawn")

    @property
    def sinks(self) -> list[NodeType]:
        """Node types that stand for no table, one per table drawn as edges; none under `drop`."""
        return [sink_of(table) for table in self.edge_tables if self.null_keys == "sink"]

    def tables(self, schema: Schema) -> list[NodeType]:
        """Names of the tables whose rows are nodes, sorted."""
        return sorted(set(schema.tables) - {*self.without_tables, *self.edge_tables})

    def fkeys(self, schema: Schema) -> list[tuple[NodeType, ForeignKey]]:
        """Foreign keys drawn as relations of their own, each with its table."""
        drawn = set(self.tables(schema))
        return [
            (table, fkey)
            for table in self.tables(schema)
            for fkey in schema.table(table).fkeys
            if fkey.parent in drawn and (table, fkey.name) not in self.without_fkeys
        ]

    def _check_edges(self, schema: Schema, table: str) -> None:
        if reason := why_no_edges(schema, table):
            raise SchemaError(f"table {table!r} cannot be drawn as edges: {reason}")
        if table in self.without_tables:
            raise SchemaError(f"table {table!r} is in without_tables and edge_tables: expected one")
        if self.null_keys == "sink" and sink_of(table) in schema.tables:
            raise SchemaError(
                f"null_keys='sink': the sink of {table!r} would have the name of the table "
                f"{sink_of(table)!r}; expected drop"
            )
        for fkey in edge_keys(schema, table):
            if (table, fkey.name) in self.without_fkeys:
                raise SchemaError(
                    f"table {table!r} cannot be drawn as edges: without_fkeys has its {fkey.name!r}"
                )
            if fkey.parent not in self.tables(schema):
                raise SchemaError(
                    f"table {table!r} cannot be drawn as edges: it joins {fkey.parent!r}, which is "
                    "left out"
                )


def sink_of(table: str) -> NodeType:
    """Name of the node type that rows with one null key join where `table` is drawn as edges."""
    return f"{table} sink"


def edge_keys(schema: Schema, table: str) -> tuple[ForeignKey, ForeignKey]:
    """The two foreign keys of a table drawn as edges, in name order: source, then target."""
    first, second = sorted(schema.table(table).fkeys, key=lambda fkey: fkey.name)
    return first, second


def why_no_edges(schema: Schema, table: str) -> str | None:
    """Say why a table cannot be edges; None when it can.

    It can with exactly two foreign keys, to one parent or two, when no foreign key refers to it.
    """
    count = len(schema.table(table).fkeys)
    if count != 2:
        return f"it has {count} foreign keys, expected exactly 2"
    for child in schema.tables.values():
        for fkey in child.fkeys:
            if fkey.parent == table:
                return f"{child.name}.{fkey.name} refers to it, expected no foreign key to"
    return None
