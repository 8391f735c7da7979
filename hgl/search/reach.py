"""What a target table reaches: pruning and validity of graph models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from hgl.errors import ConfigError, SchemaError
from hgl.search.encoding import Encoding

MaskT = TypeVar("MaskT", int, np.ndarray)
"""One mask, or [n] int64 masks at once."""

MOST_BITS = 62
"""Choices, and tables, that an int64 has room for."""
MOST_STATES = 1 << 23
"""Tried at most when a space is enumerated: some seconds, half a gigabyte."""


@dataclass(frozen=True)
class Reach:
    """How far a task's rows see, and what they must see.

    Attributes:
        encoding: the choices.
        entity_table: the table asked about; of a task about pairs, their first table.
        num_hops: layers of the network.
        destination: the second table of a task about pairs; None for other tasks.
    Raises: ConfigError: `num_hops` is below 1. SchemaError: a table is unknown, or no graph model
        can join the entity table to anything, or to the destination.
    """

    encoding: Encoding
    entity_table: str
    num_hops: int = 2
    destination: str | None = None

    def __post_init__(self) -> None:
        if self.num_hops < 1:
            raise ConfigError(f"num_hops={self.num_hops}: expected at least 1")
        known = self.encoding.tables
        named = {"entity_table": self.entity_table, "destination": self.destination}
        for name, table in named.items():
            if table is not None and table not in known:
                raise SchemaError(f"{name}={table!r} not found; tables are: {', '.join(known)}")
        if not self.encoding.touching[self.entity_table]:
            raise SchemaError(
                f"entity_table={self.entity_table!r}: no foreign key touches it, so there is no "
                "graph to choose"
            )
        # Rows and edges at once: no real model reaches further than that.
        if not self.is_valid(self.everything):
            raise SchemaError(
                f"destination={self.destination!r} is more than num_hops={self.num_hops} from "
                f"{self.entity_table!r} in every graph"
            )

    @cached_property
    def everything(self) -> int:
        """Mask of all that any graph model can keep."""
        return self.prune((1 << len(self.encoding.links)) - 1)

    @cached_property
    def _ends(self) -> list[tuple[int, int, int, int]]:
        """Per link: its shift, the positions of both ends, and those two as a set."""
        position = {name: p for p, name in enumerate(self.encoding.tables)}
        found = []
        for link in self.encoding.links:
            source, target = (position[name] for name in link.ends)
            found.append((link.bit.bit_length() - 1, source, target, 1 << source | 1 << target))
        return found

    def prune(self, mask: MaskT) -> MaskT:
        """Keep the relations with an end less than `num_hops` from the entity table.

        Breadth first over sets of tables held in whole numbers, so that one call serves a single
        mask or many.
        """
        kept = mask & 0
        reached = kept | (1 << self.encoding.tables.index(self.entity_table))
        for _ in range(self.num_hops):
            further = reached
            for shift, source, target, both in self._ends:
                hit = (mask >> shift) & (reached >> source | reached >> target) & 1
                kept = kept | (hit << shift)
                further = further | (hit * both)
            reached = further
        return kept

    def is_valid(self, pruned: MaskT) -> MaskT:
        """Whether the entity table, and the destination if any, keep a relation.

        All that pruning leaves hangs together, so a destination with a relation has a path.
        """
        valid = (pruned & self.encoding.touching[self.entity_table]) != 0
        if self.destination is not None:
            valid = valid & ((pruned & self.encoding.touching[self.destination]) != 0)
        return valid

    def all_valid(self) -> np.ndarray:
        """[count] int64: every valid pruned mask, ascending.

        Tries the five states of each table that may be edges and the two of every other key,
        leaving out what no model reaches. Raises: ConfigError: these are too many.
        """
        options = self._options()
        raw = math.prod(len(states) for states in options)
        size = max(len(self.encoding.links), len(self.encoding.tables))
        if raw > MOST_STATES or size > MOST_BITS:
            raise ConfigError(
                f"{raw:,} graph models of {size} choices to try: expected at most {MOST_STATES:,} "
                f"of {MOST_BITS}; lower num_hops, or walk from one model to the next"
            )
        masks = np.zeros(1, np.int64)
        for states in options:
            masks = (masks[:, None] | np.array(states, np.int64)).ravel()
        pruned = np.unique(self.prune(masks))
        return pruned[self.is_valid(pruned)]

    def _options(self) -> list[list[int]]:
        """The states of each table that may be edges, and those of each other foreign key."""
        encoding, found = self.encoding, []
        for table, own in encoding.own.items():
            if table in encoding.edges:
                first, second = own
                states = [[0, first, second, first | second, encoding.edges[table].bit]]
            else:
                states = [[0, bit] for bit in own]
            found += [sorted({state & self.everything for state in s}) for s in states]
        return found
