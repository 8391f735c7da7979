"""One graph that has room for every graph model of a space."""

from __future__ import annotations

import dataclasses

import torch

from hgl.db.database import Database
from hgl.graph.build import build_graph
from hgl.graph.relations import Relation, RelationStore
from hgl.graph.row_edges import row_edge_types
from hgl.graph.temporal_graph import TemporalGraph
from hgl.search.encoding import Link
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace
from hgl.typing import EdgeType, NodeType, reverse_of


class UnionGraph:
    """Draws each graph model of a space with the types of them all.

    What a model leaves out is there without edges, so that one network fits every model. A seed
    sees the rows and edges that it sees in `build_graph` of the model alone.

    Args:
        db: the tables.
        space: graph models of its schema.
        store: every relation of `db`.
    Attributes:
        graph: all tables and relations that some model of the space may draw, without any edge.
    """

    def __init__(self, db: Database, space: SpecSpace, store: RelationStore) -> None:
        self.db, self.space, self.store = db, space, store
        encoding, everything = space.reach.encoding, space.reach.everything
        drawn = [link for link in encoding.links if everything & link.bit]
        edge_types = {e for link in drawn for e in self._edge_types(link)}
        self.graph = TemporalGraph.from_store(
            dataclasses.replace(store, relations=_empty(store, edge_types)),
            node_types={end for e in edge_types for end in (e[0], e[2])},
            edge_types=edge_types,
        )

    def view(self, model: GraphModel) -> TemporalGraph:
        """Draw a model of the space; no array is copied.

        Raises: SchemaError: the model is cut off from its task.
        """
        drawn = build_graph(self.db, model.to_spec(), store=self.store)
        return dataclasses.replace(
            drawn,
            node_types=self.graph.node_types,
            edge_types=self.graph.edge_types,
            num_nodes=self.graph.num_nodes,
            time=self.graph.time,
            relations={**self.graph.relations, **drawn.relations},
        )

    def _edge_types(self, link: Link) -> list[EdgeType]:
        """The relations of a foreign key; of a table drawn as edges, its own keys' as well."""
        child, parent = link.ends
        if link.fkey is not None:
            forth = (child, f"f2p_{link.fkey}", parent)
            return [forth, reverse_of(forth)]
        keys = [x for (t, _), x in self.space.reach.encoding.fkeys.items() if t == link.table]
        along = [e for key in keys for e in self._edge_types(key)]
        return [*row_edge_types(link.table, *link.ends), *along]


def _empty(store: RelationStore, edge_types: set[EdgeType]) -> dict[EdgeType, Relation]:
    """Relations without edges: they share an array per target table, and are no rows."""
    colptr: dict[NodeType, torch.Tensor] = {
        t: torch.zeros(store.num_nodes[t] + 1, dtype=torch.int64) for _, _, t in edge_types
    }
    row = torch.empty(0, dtype=torch.int32)
    return {e: Relation(e, colptr[e[2]], row, None) for e in edge_types}
