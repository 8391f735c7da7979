"""Codes of parents as they are served: a table of vectors by key, inside the student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hgl.aggregates.feature import Anchor, Feature
from hgl.aggregates.plan import FeaturePlan
from hgl.db.schema import Schema
from hgl.models.table_mlp import TableMLP
from hgl.train.checkpoint import load_tensors, save_tensors

FILE = "codes.safetensors"
_UNKNOWN, _FIRST = 1, 2
"""Codes of a key that the cache does not hold, and of the first that it does; 0: there is none."""
_GREATEST = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class CodeCache:
    """Codes of the rows of each parent, as they were at one moment.

    Attributes:
        refill: that moment, in seconds.
        keys: for each parent the column whose text names its row.
        named: for each parent the texts of its rows' keys.
        vectors: for each parent [rows, channels].
    """

    refill: int
    keys: tuple[Feature, ...]
    named: tuple[tuple[str, ...], ...]
    vectors: tuple[Tensor, ...]

    def write(self, folder: Path) -> None:
        """Leave it in the folder of a distillation."""
        tensors = {str(number): each.clone() for number, each in enumerate(self.vectors)}
        kept = {
            "refill": self.refill,
            "keys": [asdict(key) for key in self.keys],
            "named": self.named,
        }
        save_tensors(folder / FILE, tensors, kept)

    @classmethod
    def read(cls, folder: Path) -> CodeCache:
        """Read what `write` left. Raises: CacheError: it is absent or damaged."""
        tensors, kept = load_tensors(folder / FILE)
        return cls(
            kept["refill"],
            tuple(Feature.from_dict(key) for key in kept["keys"]),
            tuple(map(tuple, kept["named"])),
            tuple(tensors[str(number)] for number in range(len(tensors))),
        )

    def plan(self, plan: FeaturePlan) -> FeaturePlan:
        """Return a student's columns, and behind them the cache's age and what names parents."""
        age = Feature("since", value=str(self.refill))
        vocabularies = {f.name: texts for f, texts in zip(self.keys, self.named, strict=True)}
        return replace(
            plan,
            features=(*plan.numerical, age, *plan.categorical, *self.keys),
            vocabularies={**plan.vocabularies, **vocabularies},
        )


class CodeReader(nn.Module):
    """A student that reads codes, with their cache inside: takes the columns of `CodeCache.plan`.

    Before the refill there are no codes: what is asked about an earlier time sees none.
    """

    sizes: Tensor
    offsets: Tensor
    vectors: Tensor

    def __init__(self, mlp: TableMLP, vectors: Sequence[Tensor]) -> None:
        super().__init__()
        self.mlp = mlp
        sizes = torch.tensor([_FIRST + len(each) for each in vectors])
        self.register_buffer("sizes", sizes)
        self.register_buffer("offsets", sizes.cumsum(0) - sizes)
        # One lookup in one table, behind each vector whether there is none.
        table = [F.pad(F.pad(each, (0, 1)), (0, 0, _FIRST, 0)) for each in vectors]
        for each in table:
            each[:_FIRST, -1] = 1.0
        self.register_buffer("vectors", torch.cat(table))

    def forward(self, numerical: Tensor, categorical: Tensor) -> Tensor:
        """Score seeds: [batch, numbers + 1], [batch, texts + parents] to [batch, out_channels]."""
        count = len(self.sizes)
        days, keys = numerical[:, -1:], categorical[:, -count:]
        there = (days >= 0) & (days <= _GREATEST)
        known = there & (keys >= 0) & (keys < self.sizes)
        rows = F.embedding(torch.where(known, keys, _UNKNOWN) + self.offsets, self.vectors)
        age = torch.where(there, days, 0.0).log1p()[:, None].expand(-1, count, 1)
        read = torch.cat([rows[:, :, :-1], age, rows[:, :, -1:]], dim=2).flatten(1)
        return self.mlp(numerical[:, :-1], categorical[:, :-count], read)


def key_feature(schema: Schema, entity_table: str, anchor: Anchor) -> Feature | None:
    """Return the column that names a parent's row; None where its key is no single column alike.

    Args:
        anchor: a parent (`hgl.aggregates.places.parents`) of the entity table.
    """
    holder = schema.table(anchor.via.table if anchor.via else entity_table)
    fkey = next(f for f in holder.fkeys if f.name == anchor.fkey)
    parent = schema.table(fkey.parent)
    if len(fkey.columns) > 1 or fkey.parent_columns != parent.pkey:
        return None
    (column,) = fkey.columns
    if holder.column(column).type != parent.column(parent.pkey[0]).type:
        return None
    if anchor.via is None:
        return Feature("value", column=column, categorical=True)
    return Feature("last", anchor.via, column=column, categorical=True)
