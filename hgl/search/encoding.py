"""Graph models as bits, in RDB2G-Bench's order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hgl.errors import ConfigError, SchemaError
from hgl.graph.spec import edge_keys, why_no_edges

if TYPE_CHECKING:
    from hgl.db.schema import Schema


@dataclass(frozen=True)
class Link:
    """One bit: a foreign key between its table and the parent, or a table drawn as edges.

    Attributes:
        table: the table that holds the key, or that is drawn as edges.
        fkey: the key's name; None for a table drawn as edges.
        ends: source and target: child and parent of a key; of a table drawn as edges, the parents
            of its first and second key in name order.
        bit: the power of two that stands for it.
    """

    table: str
    fkey: str | None
    ends: tuple[str, str]
    bit: int

    def __str__(self) -> str:
        return self.table if self.fkey is None else f"{self.table}.{self.fkey}"


@dataclass(frozen=True)
class Encoding:
    """What can be chosen when a schema is drawn, in RDB2G-Bench's order (arXiv:2506.01360).

    First the tables that may be edges, by name, then the foreign keys by (child, key, parent). A
    mask is a whole number whose highest bit is the first, so that masks sort as their bits do.

    Attributes:
        tables: all tables of the schema, sorted.
        links: in that order.
        unlike: per table that cannot be edges, why not.
    """

    tables: tuple[str, ...]
    links: tuple[Link, ...]
    unlike: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, schema: Schema) -> Encoding:
        """Read the choices off a schema."""
        reasons = {name: why_no_edges(schema, name) for name in schema.tables}
        links: list[tuple[str, str | None, tuple[str, str]]] = []
        for name in sorted(name for name, reason in reasons.items() if reason is None):
            first, second = edge_keys(schema, name)
            links.append((name, None, (first.parent, second.parent)))
        keys = sorted((t.name, f.name, f.parent) for t in schema.tables.values() for f in t.fkeys)
        links += [(child, fkey, (child, parent)) for child, fkey, parent in keys]
        bits = [1 << position for position in reversed(range(len(links)))]
        return cls(
            tuple(sorted(schema.tables)),
            tuple(Link(*link, bit) for link, bit in zip(links, bits, strict=True)),
            tuple((name, reason) for name, reason in reasons.items() if reason is not None),
        )

    @cached_property
    def edges(self) -> dict[str, Link]:
        """The link of each table that may be edges."""
        return {link.table: link for link in self.links if link.fkey is None}

    @cached_property
    def fkeys(self) -> dict[tuple[str, str], Link]:
        """The link of each foreign key, by (table, key)."""
        return {(link.table, link.fkey): link for link in self.links if link.fkey is not None}

    @cached_property
    def own(self) -> dict[str, tuple[int, ...]]:
        """The bits of each table's own foreign keys, in order."""
        return {
            name: tuple(link.bit for (table, _), link in self.fkeys.items() if table == name)
            for name in self.tables
        }

    @cached_property
    def touching(self) -> dict[str, int]:
        """The mask of all relations at each table; those of a table drawn as edges join others."""
        return {name: sum(x.bit for x in self.links if name in x.ends) for name in self.tables}

    @property
    def num_raw(self) -> int:
        """Choices before pruning: five states per table that may be edges, two per other key."""
        free = len(self.fkeys) - 2 * len(self.edges)
        return 5 ** len(self.edges) * 2**free

    def mask(self, fkeys: Iterable[tuple[str, str]] = (), edge_tables: Iterable[str] = ()) -> int:
        """Return the mask of some foreign keys and tables drawn as edges.

        Raises: SchemaError: one is unknown, a table cannot be edges, or a key of a table drawn as
            edges is kept too.
        """
        mask = 0
        for table, fkey in fkeys:
            mask |= self._fkey(table, fkey).bit
        for table in edge_tables:
            mask |= self._edge(table).bit
        self.check(mask)
        return mask

    def parse(self, bits: str) -> int:
        """Return the mask of a string of 0 and 1, the first choice first.

        Raises: ConfigError: it is not that, or not as long as there are choices. SchemaError: a
            key of a table drawn as edges is kept too.
        """
        if len(bits) != len(self.links) or set(bits) - {"0", "1"}:
            raise ConfigError(f"bits={bits!r}: expected {len(self.links)} of 0 and 1")
        mask = int(bits or "0", 2)
        self.check(mask)
        return mask

    def format(self, mask: int) -> str:
        """Return a mask as a string of 0 and 1, the first choice first."""
        return "".join("1" if mask & link.bit else "0" for link in self.links)

    def check(self, mask: int) -> None:
        """Check that no table is edges and rows at once. Raises: SchemaError: one is."""
        for table, link in self.edges.items():
            if mask & link.bit and mask & sum(self.own[table]):
                raise SchemaError(
                    f"table {table!r} is drawn as edges: expected none of its foreign keys as well"
                )

    def _fkey(self, table: str, fkey: str) -> Link:
        if (table, fkey) in self.fkeys:
            return self.fkeys[table, fkey]
        known = ", ".join(f"{t}.{f}" for t, f in self.fkeys)
        raise SchemaError(f"foreign key {table}.{fkey} not found; there are: {known or 'none'}")

    def _edge(self, table: str) -> Link:
        if table in self.edges:
            return self.edges[table]
        reason = dict(self.unlike).get(table, f"not found; tables are: {', '.join(self.tables)}")
        raise SchemaError(f"table {table!r} cannot be drawn as edges: {reason}")
