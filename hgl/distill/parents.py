"""Parents of a seed: the rows that its entity's row names, or the latest row that refers to it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hgl.aggregates.batch import limits
from hgl.aggregates.feature import Anchor
from hgl.distill.stale import SeenSeeds
from hgl.graph.relations import Relation, RelationStore
from hgl.graph.visible import num_visible


def named(
    store: RelationStore, entity_table: str, anchor: Anchor, parent: str, seeds: SeenSeeds
) -> np.ndarray:
    """Return the row of `parent` that each seed's anchor is, [n] int64; -1 where it sees none.

    Args:
        store: relations of the whole database.
        anchor: a parent (`hgl.aggregates.places.parents`) of the entity table.
    """
    holder, rows = entity_table, torch.as_tensor(seeds.entity)
    limit = torch.as_tensor(limits(seeds))
    if anchor.via is not None:
        holder = anchor.via.table
        refers = (holder, f"f2p_{anchor.via.path[0]}", entity_table)
        rows = _latest(store.relations[refers], rows, limit)
    names = (parent, f"rev_f2p_{anchor.fkey}", holder)
    return _latest(store.relations[names], rows, limit).numpy()


def _latest(relation: Relation, rows: Tensor, limit: Tensor) -> Tensor:
    """The latest visible source of each target row; -1 for none, and for a target of -1."""
    found = torch.full_like(rows, -1)
    if not relation.num_edges:
        return found
    asked = (rows >= 0).nonzero().flatten()
    count = num_visible(relation, rows[asked], limit[asked], None)
    seen = asked[count > 0]
    last = relation.colptr[rows[seen]] + count[count > 0] - 1
    found[seen] = relation.row[last].long()
    return found
