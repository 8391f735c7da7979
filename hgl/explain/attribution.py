"""Integrated gradients (arXiv:1703.01365) from a seed's prediction to the cells behind it.

A row's vector starts as a sum of one part per column, so a cell can be turned from what its column
is on average into what it is, along a straight line, whatever its type. The gradient is taken at
the sum: one vector per sampled row serves all of its cells. Seeds share no sampled row, so one
backward pass serves all seeds of a batch. The graph itself is held as it was sampled: what is
explained is what the rows say, not how many there are. So are the aggregates that a model may read
beside the graph: they stay as they are, and what they do to a prediction is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import pandas as pd
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError, SchemaError, check_range
from hgl.graph.temporal_graph import Features, TemporalGraph
from hgl.models.relational import RelationalModel
from hgl.nn.row_encoder import TableEncoder
from hgl.ops import CopiedRows
from hgl.typing import NodeType

ELAPSED = "(time elapsed)"
"""Stands for a column: how long before the seed the row became known."""

Columns = Mapping[str, Tensor]
"""Blocks of a table's columns, as `TableLayout` describes them."""


def background(
    graph: TemporalGraph,
    features: Mapping[NodeType, Features],
    *,
    until: int,
    num_rows: int = 1024,
    seed: int = 0,
) -> dict[NodeType, Columns]:
    """Draw rows of each table that say what its columns are on average.

    Args:
        until: seconds; rows known later are not drawn: a run's statistics timestamp.
        num_rows: most rows per table.
    Raises: ConfigError: a number is out of range.
    """
    check_range("num_rows", num_rows, 1)
    generator = torch.Generator().manual_seed(seed)

    def draw(node_type: NodeType) -> Columns:
        time = graph.time[node_type]
        count = graph.num_nodes[node_type]
        known = torch.arange(count) if time is None else (time.cpu() <= until).nonzero().flatten()
        drawn = torch.randint(max(len(known), 1), (min(num_rows, len(known)),), generator=generator)
        return features[node_type].gather(known[drawn])

    return {node_type: draw(node_type) for node_type in graph.node_types}


def attribute(
    model: RelationalModel,
    batch: HeteroData,
    background: Mapping[NodeType, Columns],
    *,
    output: int = 0,
    num_steps: int = 64,
) -> pd.DataFrame:
    """Split each seed's prediction among the cells of the rows it was made from.

    Args:
        model: a trained model.
        batch: seeds to explain, from a `SeedLoader` with features.
        background: rows per table, from `background`; a column counts from its average over them.
        output: which of the model's outputs (the log-odds of a binary task).
        num_steps: points on the line. The sum is off where the output jumps between two of them.
    Returns: one row per seed, table, row and column: `seed` (position in the seed table), `table`,
        `row` (position in the table), `column` and `attribution`, in units of the output. A seed's
        attributions sum to its output less the output for average rows, aggregates (if the model
        reads any) as they are in both.
    Raises: ConfigError: a number is out of range. SchemaError: `background` lacks a table.
    """
    check_range("num_steps", num_steps, 1)
    if missing := sorted(set(model.node_types) - background.keys()):
        raise SchemaError(f"background: expected rows of every table; {missing[0]!r} is absent")
    if not 0 <= output < model.out_channels:
        raise ConfigError(f"output={output}: expected 0 to {model.out_channels - 1}")
    training = model.training
    model.eval()
    batch = batch.to(str(next(model.parameters()).device))
    try:
        tables = {
            t: _Table(model, t, cast("TableEncoder", encoder), batch[t], background[t])
            for t, encoder in zip(model.node_types, model.rows.tables, strict=True)
            if batch[t].num_nodes
        }
        for step in range(num_steps):
            _descend(model, batch, tables, output, (step + 0.5) / num_steps)
    finally:
        model.train(training)
    seeds = batch[model.entity_table].input_id
    frames = [frame for table in tables.values() for frame in table.frames(seeds, num_steps)]
    cells = pd.concat(frames, ignore_index=True)
    keys = ["seed", "table", "row", "column"]
    return cells.groupby(keys, as_index=False, sort=True)["attribution"].sum()


class _Table:
    """The sampled rows of one type: what they are, what they are on average, and gradients."""

    def __init__(
        self,
        model: RelationalModel,
        node_type: NodeType,
        encoder: TableEncoder,
        store: HeteroData,
        background: Columns,
    ) -> None:
        self.node_type, self.encoder, self.store = node_type, encoder, store
        with torch.no_grad():
            device = encoder.linear.weight.device
            rows = {name: block.to(device) for name, block in background.items()}
            count = max((len(block) for block in rows.values()), default=0)
            drawn = encoder.column_parts(rows, count)
            usual = {c: part.mean(0) if count else part.sum(0) for c, part in drawn.items()}
            parts = encoder.column_parts(store.columns, len(store.rows))
            # [copies, channels] per column: how far each cell is from its column's average.
            self.cells = {c: (part - usual[c])[store.row_index] for c, part in parts.items()}
            self.start = sum(usual.values(), encoder.linear.weight[:, 0])
            self.elapsed: Tensor | None = None
            if node_type in model.time.positions:
                curve = model.time(node_type, store.rel_time)
                self.time, self.elapsed = curve.mean(0), curve - curve.mean(0)
        # Before the blocks and after them; what steps have added so far.
        self.gradients = [self.start.new_zeros(store.num_nodes, len(self.start))] * 2

    def leaves(self, share: float) -> tuple[Tensor, Tensor]:
        """[copies, channels] before the blocks and after them, `share` of the way from average."""
        moved = sum(self.cells.values(), torch.zeros_like(self.gradients[0]))
        rows = (self.start + share * moved).requires_grad_()
        x = self.encoder.blocks(rows)
        return rows, x if self.elapsed is None else x + self.time + share * self.elapsed

    def frames(self, seeds: Tensor, num_steps: int) -> Iterator[pd.DataFrame]:
        """One frame per column, one row per copy."""
        known = {
            "seed": seeds[self.store.batch].cpu().numpy(),
            "table": self.node_type,
            "row": self.store.n_id.cpu().numpy(),
        }
        at_rows, at_copies = self.gradients
        products = {c: (cell * at_rows).sum(1) for c, cell in self.cells.items()}
        if self.elapsed is not None:
            products[ELAPSED] = (self.elapsed * at_copies).sum(1)
        for column, product in products.items():
            yield pd.DataFrame(
                {**known, "column": column, "attribution": (product / num_steps).cpu().numpy()}
            )


def _descend(
    model: RelationalModel,
    batch: HeteroData,
    tables: Mapping[NodeType, _Table],
    output: int,
    share: float,
) -> None:
    """Add the gradients at one point of the line."""
    pairs = {t: table.leaves(share) for t, table in tables.items()}
    empty = next(iter(pairs.values()))[1].new_zeros(0, len(next(iter(tables.values())).start))
    copied = {t: CopiedRows(pairs[t][1] if t in pairs else empty) for t in model.node_types}
    out = model.answer(copied, batch)[:, output].sum()
    leaves = [x for pair in pairs.values() for x in pair]
    found = torch.autograd.grad(out, leaves, allow_unused=True)
    for table, *grads in zip(tables.values(), found[::2], found[1::2], strict=True):
        table.gradients = [
            total if grad is None else total + grad for total, grad in zip(table.gradients, grads)
        ]
