"""The space of graph models of a database for a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hgl.errors import SchemaError
from hgl.graph.spec import GraphSpec
from hgl.search.encoding import Encoding
from hgl.search.model import GraphModel
from hgl.search.reach import Reach

if TYPE_CHECKING:
    from hgl.db.schema import Schema


class SpecSpace:
    """Every distinct graph model that fits a task, as RDB2G-Bench counts them (arXiv:2506.01360).

    Sorted by bits; a model's position is the benchmark's `idx`. The space is enumerated when it is
    first counted, listed or sampled; all else works in spaces of any size.

    Args:
        schema: tables and foreign keys; no data is read.
        entity_table: the table asked about.
        num_hops: layers of the network: relations further away are pruned.
        destination: the second table of a task about pairs, which must be reached.
    Raises: ConfigError: `num_hops` is below 1. SchemaError: a table is unknown, or the space is
        empty.
    """

    def __init__(
        self,
        schema: Schema,
        entity_table: str,
        num_hops: int = 2,
        *,
        destination: str | None = None,
    ) -> None:
        self.schema = schema
        self.reach = Reach(Encoding.of(schema), entity_table, num_hops, destination)

    @cached_property
    def masks(self) -> np.ndarray:
        """[count] int64: every model's bits as a number, ascending.

        Raises: ConfigError: there are too many to try.
        """
        masks = self.reach.all_valid()
        masks.setflags(write=False)
        return masks

    @property
    def count(self) -> int:
        """How many models there are."""
        return len(self.masks)

    @property
    def num_raw(self) -> int:
        """Choices before pruning makes many of them the same."""
        return self.reach.encoding.num_raw

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[GraphModel]:
        return (self._model(mask) for mask in self.masks.tolist())

    def __getitem__(self, position: int) -> GraphModel:
        return self._model(int(self.masks[position]))

    def index(self, model: GraphModel) -> int:
        """Return a model's position. Raises: SchemaError: it is not in the space."""
        if not self.is_valid(model):
            raise SchemaError(
                f"graph model {model.to_bits()} is not in the space: expected a canonical one that "
                f"fits entity_table={self.reach.entity_table!r}"
            )
        return int(np.searchsorted(self.masks, model.mask))

    def is_valid(self, model: GraphModel) -> bool:
        """Whether a model is in the space: of this task, canonical and fitting it."""
        return model.reach == self.reach and model.is_valid

    def sample(self, rng: np.random.Generator) -> GraphModel:
        """Draw a model, each as likely as any other."""
        return self[int(rng.integers(self.count))]

    @property
    def all_rows(self) -> GraphModel:
        """All rows nodes, all foreign keys kept, pruned: the usual heuristic (AR2N).

        Of a task about pairs it may be invalid: rows can make the way to the destination too long.
        """
        return self._model(self.reach.encoding.mask(self.reach.encoding.fkeys)).canonical()

    def draw(
        self, fkeys: Iterable[tuple[str, str]] = (), edge_tables: Iterable[str] = ()
    ) -> GraphModel:
        """Return the canonical model that keeps some keys and draws some tables as edges.

        Args:
            fkeys: (table, foreign key name) pairs.
            edge_tables: tables with exactly two foreign keys that no foreign key refers to.
        Raises: SchemaError: something is unknown, a table cannot be edges or is rows as well, or
            the model cuts off the entity table or the destination.
        """
        model = self._model(self.reach.encoding.mask(fkeys, edge_tables))
        model.check()
        return model.canonical()

    def from_bits(self, bits: str) -> GraphModel:
        """Return the model of a string of 0 and 1 in RDB2G-Bench's order, as it stands.

        Raises: ConfigError: the string does not fit the schema. SchemaError: a table is edges and
            rows at once.
        """
        return self._model(self.reach.encoding.parse(bits))

    def from_spec(self, spec: GraphSpec) -> GraphModel:
        """Return the canonical model of what `build_graph` draws, whatever `null_keys` it has.

        Raises: SchemaError: the spec does not fit the schema or cuts off the task.
        """
        spec.check(self.schema, self.reach.entity_table)
        fkeys = [(table, fkey.name) for table, fkey in spec.fkeys(self.schema)]
        return self.draw(fkeys, spec.edge_tables)

    def _model(self, mask: int) -> GraphModel:
        return GraphModel(mask, self.reach)
