"""From a sampled batch to predictions: row encoder, relative time, graph network, head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError, check_range
from hgl.nn.relative_time import RelativeTime
from hgl.nn.row_encoder import RowEncoder
from hgl.nn.seed_columns import SeedColumns
from hgl.ops import CopiedRows, Copies, RelationPlan, Transpose, canonical
from hgl.typing import EdgeType, Metadata, NodeType, TableLayout


class PlanNetwork(Protocol):
    """A graph network that runs layer i on plan i."""

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """[nodes, channels] per type to [targets of the last plan, channels] per type."""


@runtime_checkable
class CopyNetwork(Protocol):
    """A `PlanNetwork` that can work on distinct rows where others work on their copies."""

    def forward_copies(
        self, copied: Mapping[NodeType, CopiedRows], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """What `forward_plans` returns for the copies made."""


class RelationalModel(nn.Module):
    """Predict something about the seeds of a batch.

    Args:
        metadata: node types and edge types of the graph.
        layouts: columns of each node type.
        timed: node types with a time column.
        entity_table: node type of the seeds.
        out_channels: outputs per seed.
        gnn: builds the graph network from `metadata` and `channels`.
        channels: width throughout.
        num_blocks: residual blocks of the row encoder.
        dropout: probability in the row encoder.
        recompute: encode rows again in backward: less memory, about a tenth slower.
        num_aggregates: width of the batch's `aggregates`, which are encoded with the rows' dropout
            and added to what the graph network returns for each seed; 0 for none. An experiment
            sets it to what its sampling gives.
    Raises: SchemaError: the entity table is not in the graph. ConfigError: a number is out of
        range.
    """

    def __init__(
        self,
        *,
        metadata: Metadata,
        layouts: Mapping[NodeType, TableLayout],
        timed: Sequence[NodeType],
        entity_table: NodeType,
        out_channels: int,
        gnn: Callable[..., nn.Module],
        channels: int = 128,
        num_blocks: int = 2,
        dropout: float = 0.0,
        recompute: bool = False,
        num_aggregates: int = 0,
    ) -> None:
        super().__init__()
        if entity_table not in metadata[0]:
            raise SchemaError(f"entity_table={entity_table!r}: not among {sorted(metadata[0])}")
        check_range("channels", channels, 1)
        check_range("num_blocks", num_blocks, 0)
        check_range("dropout", dropout, 0, 1)
        check_range("num_aggregates", num_aggregates, 0)
        self.node_types, self.edge_types = canonical(metadata)
        self.entity_table, self.out_channels = entity_table, out_channels
        self.rows = RowEncoder(
            layouts,
            channels=channels,
            num_blocks=num_blocks,
            dropout=dropout,
            recompute=recompute,
        )
        self.time = RelativeTime(timed, channels=channels)
        self.gnn = gnn(metadata, channels=channels)
        self.head = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, out_channels))
        self.num_aggregates = num_aggregates
        self.seed_columns = (
            SeedColumns(num_aggregates, channels=channels, dropout=dropout)
            if num_aggregates
            else None
        )

    def forward(self, batch: HeteroData) -> Tensor:
        """Return [batch_size, out_channels] for a batch of `SeedLoader`.

        Raises: SchemaError: the batch is of a graph with other types, or has other aggregates.
        """
        self._check(batch)
        return self.answer(self._copied(batch), batch)

    def answer(self, copied: Mapping[NodeType, CopiedRows], batch: HeteroData) -> Tensor:
        """From the vectors of the copies, per node type, to the predictions."""
        seeds = self._seeds(copied, batch, self.entity_table)
        if self.seed_columns is not None:
            seeds = seeds + self.seed_columns(self._aggregates(batch[self.entity_table]))
        return self.head(seeds)

    def embed(self, batch: HeteroData, table: NodeType) -> Tensor:
        """Return [batch_size, channels] of a batch whose seeds may be rows of any table.

        Raises: SchemaError: the batch is of a graph with other types.
        """
        self._check(batch)
        return self._seeds(self._copied(batch), batch, table)

    def encode(self, batch: HeteroData) -> dict[NodeType, Tensor]:
        """Encode each distinct row once, copy it to its samples and add their relative time.

        Returns: [copies, channels] per node type.
        """
        return {t: x.dense() for t, x in self._copied(batch).items()}

    def _seeds(
        self, copied: Mapping[NodeType, CopiedRows], batch: HeteroData, table: NodeType
    ) -> Tensor:
        plans = batch_plans(batch, self.edge_types)
        if isinstance(self.gnn, CopyNetwork):
            x_dict = self.gnn.forward_copies(copied, plans)
        else:
            x_dict = self.gnn.forward_plans({t: x.dense() for t, x in copied.items()}, plans)
        return x_dict[table][: batch[table].batch_size]

    def _copied(self, batch: HeteroData) -> dict[NodeType, CopiedRows]:
        num_rows = {t: batch[t].rows.numel() for t in self.node_types}
        rows = self.rows({t: batch[t].columns for t in self.node_types}, num_rows)
        return {t: self._with_time(t, rows[t], batch[t]) for t in self.node_types}

    def _check(self, batch: HeteroData) -> None:
        kinds = zip(canonical(batch.metadata()), (self.node_types, self.edge_types), strict=True)
        for name, (found, expected) in zip(("node types", "edge types"), kinds, strict=True):
            if found != expected:
                raise SchemaError(f"batch has {name} {found}, expected {expected}")

    def _aggregates(self, store: Any) -> Tensor:
        found = store.aggregates.shape[1] if "aggregates" in store else 0
        if found != self.num_aggregates:
            raise SchemaError(
                f"batch has {found} aggregates per seed, expected {self.num_aggregates}: the "
                "loader's `aggregates` must be those of training"
            )
        return store.aggregates

    def _with_time(self, node_type: NodeType, rows: Tensor, store: Any) -> CopiedRows:
        transpose = Transpose(store.row_ptr, store.row_perm)
        if node_type not in self.time.positions:
            return CopiedRows(rows, Copies(store.row_index, transpose))
        copies = Copies(store.row_index, transpose, self.time.basis(store.rel_time))
        return CopiedRows(rows, copies, self.time.curve(node_type))


def batch_plans(batch: HeteroData, edge_types: Sequence[EdgeType]) -> list[RelationPlan]:
    """The plans a batch carries, one per layer: all its edges, then those nearer the seeds."""
    return [
        RelationPlan(
            layer["src"],
            layer["ptr"],
            num_src=layer["num_src"],
            num_dst=layer["num_dst"],
            edge_types=edge_types,
        )
        for layer in batch.layers
    ]
