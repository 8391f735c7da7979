"""A graph model: each table rows, edges or out, and which foreign keys are kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from hgl.errors import SchemaError
from hgl.graph.spec import GraphSpec, NullKeys
from hgl.search.actions import ActionPolicy, Kind, next_masks
from hgl.search.mermaid import flowchart
from hgl.search.reach import Reach

Role = Literal["node", "edge", "out"]
"""`node`: each row is a node. `edge`: each row joins its two parents. `out`: not drawn."""


@dataclass(frozen=True, order=True)
class GraphModel:
    """One way to draw a database for a task; `SpecSpace` makes them.

    Models order as their bits do. Two are equal when their bits, choices and task are.

    Attributes:
        mask: the bits as a whole number, the first choice highest.
        reach: the choices and the task.
    """

    mask: int
    reach: Reach = field(repr=False, hash=False, compare=True)

    @property
    def roles(self) -> dict[str, Role]:
        """What each table of the schema is. A table is a node type where a relation touches it."""
        encoding, found = self.reach.encoding, {}
        for table in encoding.tables:
            role: Role = "node" if self.mask & encoding.touching[table] else "out"
            drawn = table in encoding.edges and self.mask & encoding.edges[table].bit
            found[table] = "edge" if drawn else role
        return found

    @property
    def fkeys(self) -> tuple[tuple[str, str], ...]:
        """(table, foreign key) pairs kept, sorted; those of tables drawn as edges are not."""
        return tuple(k for k, x in self.reach.encoding.fkeys.items() if self.mask & x.bit)

    @property
    def edge_tables(self) -> tuple[str, ...]:
        """Tables drawn as edges, sorted."""
        return tuple(t for t, x in self.reach.encoding.edges.items() if self.mask & x.bit)

    def to_bits(self) -> str:
        """Return the choices as 0 and 1 in RDB2G-Bench's order."""
        return self.reach.encoding.format(self.mask)

    def canonical(self) -> GraphModel:
        """Return the model without what the entity table does not reach; it is drawn the same."""
        return GraphModel(self.reach.prune(self.mask), self.reach)

    @property
    def is_valid(self) -> bool:
        """Whether the model is canonical and fits the task."""
        pruned = self.reach.prune(self.mask)
        return pruned == self.mask and bool(self.reach.is_valid(pruned))

    def check(self) -> None:
        """Check that the model draws what the task needs.

        Raises: SchemaError: the entity table or the destination is cut off.
        """
        reach, pruned = self.reach, self.reach.prune(self.mask)
        if not pruned & reach.encoding.touching[reach.entity_table]:
            raise SchemaError(
                f"graph model {self.to_bits()} cuts off the entity table {reach.entity_table!r}: "
                "expected a relation at it"
            )
        if not reach.is_valid(pruned):
            raise SchemaError(
                f"graph model {self.to_bits()} cuts off the destination {reach.destination!r}: "
                f"expected a path of at most {reach.num_hops} relations from {reach.entity_table!r}"
            )

    def neighbours(
        self, policy: ActionPolicy = "repair", kinds: Collection[Kind] | None = None
    ) -> list[GraphModel]:
        """Return the other valid models one action away, sorted.

        Args:
            policy: which actions there are; see `hgl.search.actions`.
            kinds: actions of these kinds only; None for all.
        Raises: ConfigError: the policy or a kind is unknown.
        """
        masks = next_masks(self.mask, self.reach, policy, kinds)
        return [GraphModel(mask, self.reach) for mask in masks]

    def to_spec(self, null_keys: NullKeys = "drop") -> GraphSpec:
        """Return what `build_graph` draws.

        Args:
            null_keys: as of `GraphSpec`; no choice of the model.
        Raises: SchemaError: the model is cut off from its task. ConfigError: `null_keys` is
            unknown.
        """
        self.check()
        roles = self.roles
        return GraphSpec(
            tuple(table for table, role in roles.items() if role == "out"),
            tuple(
                key
                for key, link in self.reach.encoding.fkeys.items()
                if not self.mask & link.bit and all(roles[end] == "node" for end in link.ends)
            ),
            self.edge_tables,
            null_keys,
        )

    def mermaid(self) -> str:
        """Return the model as a Mermaid flowchart: keys thin, tables drawn as edges thick."""
        links = [x for x in self.reach.encoding.links if self.mask & x.bit]
        return flowchart(links, self.reach.entity_table)

    def __str__(self) -> str:
        """One line per table that is drawn."""
        lines = []
        for table, role in self.roles.items():
            kept = ", ".join(fkey for child, fkey in self.fkeys if child == table)
            if role == "edge":
                source, target = self.reach.encoding.edges[table].ends
                lines.append(f"{table}: edges {source} to {target}")
            elif role == "node":
                lines.append(f"{table}: rows, by {kept}" if kept else f"{table}: rows")
        return "\n".join(lines)
