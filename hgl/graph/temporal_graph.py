"""The graph of a database: tables as node types, foreign keys as relations, times on both."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from hgl.errors import ConfigError, SchemaError
from hgl.graph.relations import Relation, RelationStore, write_relations
from hgl.typing import EdgeType, Metadata, NodeType, TableLayout


class Features(Protocol):
    """Encoded columns of one table."""

    @property
    def layout(self) -> TableLayout:
        """Names and sizes of the blocks."""

    def gather(self, rows: Tensor, names: Collection[str] | None = None) -> dict[str, Tensor]:
        """Copy the given rows ([n] int64) of the named blocks of columns, None for every one."""

    def to(self, device: torch.device | str) -> Any:
        """Return the same features on `device`."""


FeatureProvider = Callable[[int, Collection[tuple[str, str]]], Mapping[NodeType, Features]]
"""From (stats_until in seconds, hidden (table, column) pairs) to features per table."""


@dataclass(frozen=True)
class TemporalGraph:
    """Rows, relations and times. Sharing arrays with other graphs is normal: treat as read-only.

    Attributes:
        node_types: sorted.
        edge_types: sorted; every relation has its reverse among them.
        num_nodes: rows per node type.
        time: [rows] int64 seconds per node type; None for a static table.
        relations: by edge type.
        visible_until: rows later than this second are invisible to every seed; None: no bound.
        provider: encodes features on request; None for a graph without any.
    """

    node_types: tuple[NodeType, ...]
    edge_types: tuple[EdgeType, ...]
    num_nodes: Mapping[NodeType, int]
    time: Mapping[NodeType, Tensor | None]
    relations: Mapping[EdgeType, Relation]
    visible_until: int | None = None
    provider: FeatureProvider | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_store(
        cls,
        store: RelationStore,
        *,
        node_types: Collection[NodeType] | None = None,
        edge_types: Collection[EdgeType] | None = None,
        provider: FeatureProvider | None = None,
    ) -> TemporalGraph:
        """Draw some of a store's tables and relations; no array is copied.

        Args:
            node_types: tables to draw; None for all.
            edge_types: relations to draw; None for all between the tables drawn.
        Raises: SchemaError: something to draw is not in the store.
        """
        nodes = sorted(store.num_nodes if node_types is None else node_types)
        for name in nodes:
            if name not in store.num_nodes:
                raise SchemaError(f"table {name!r} not found; tables are: {list(store.num_nodes)}")
        if edge_types is None:
            edge_types = [e for e in store.relations if {e[0], e[2]} <= set(nodes)]
        for edge_type in edge_types:
            if edge_type not in store.relations or not {edge_type[0], edge_type[2]} <= set(nodes):
                raise SchemaError(f"relation {edge_type} is not between the tables {nodes}")
        return cls(
            tuple(nodes),
            tuple(sorted(edge_types)),
            {name: store.num_nodes[name] for name in nodes},
            {name: store.time[name] for name in nodes},
            {edge_type: store.relations[edge_type] for edge_type in sorted(edge_types)},
            store.visible_until,
            provider,
        )

    @property
    def timed(self) -> list[NodeType]:
        """Node types with a time column."""
        return [name for name in self.node_types if self.time[name] is not None]

    @property
    def row_types(self) -> dict[EdgeType, EdgeType]:
        """Relations whose edges are rows to those along which a sample then has these rows.

        A table drawn as edges is a node type as well; its rows are found through edges only.
        """
        kinds = ((e, relation.row_type) for e, relation in self.relations.items())
        return {e: kind for e, kind in kinds if kind is not None and kind in self.relations}

    @property
    def arrays(self) -> list[Tensor]:
        """Relations and times."""
        found = [array for r in self.relations.values() for array in r.arrays.values()]
        return [array for array in (*found, *self.time.values()) if array is not None]

    @property
    def device(self) -> torch.device:
        """Where times and relations are."""
        return self.arrays[0].device if self.arrays else torch.device("cpu")

    def metadata(self) -> Metadata:
        """Return (node types, edge types), both sorted."""
        return list(self.node_types), list(self.edge_types)

    def features_for(
        self, stats_until: int, hidden: Collection[tuple[str, str]] = ()
    ) -> dict[NodeType, Features]:
        """Return features per node type; empty for a graph without any.

        Args:
            stats_until: statistics use rows no later than this second.
            hidden: (table, column) pairs left out.
        """
        if self.provider is None:
            return {}
        features = self.provider(stats_until, hidden)
        return {name: features[name] for name in self.node_types}

    def to(self, device: torch.device | str) -> TemporalGraph:
        """Return the same graph with times and relations on `device`."""
        return dataclasses.replace(
            self,
            time={n: None if t is None else t.to(device) for n, t in self.time.items()},
            relations={e: relation.to(device) for e, relation in self.relations.items()},
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write tables, times and relations to a new folder; features are the provider's to keep.

        Raises: ConfigError: `folder` exists.
        """
        final = Path(folder)
        if final.exists():
            raise ConfigError(f"folder={str(final)!r}: exists; expected a new one")
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f".{final.name}.{os.getpid()}.part")
        try:
            write_relations(
                aside, self.num_nodes, self.time, self.relations.values(), self.visible_until
            )
            aside.rename(final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], *, provider: FeatureProvider | None = None
    ) -> TemporalGraph:
        """Map a saved graph; nothing is read before it is used.

        Raises: CacheError: the folder is damaged or not a graph.
        """
        return cls.from_store(RelationStore.load(Path(folder)), provider=provider)
