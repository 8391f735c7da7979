"""Everything students are made of: seeds, their columns, and what the teacher says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.distill.lessons import Lessons, columns_of
from hgl.distill.observe import Observed
from hgl.distill.parent_codes import ReadCodes
from hgl.distill.rung import STUDENTS, Rung
from hgl.distill.tokenizer import Tokens
from hgl.tasks.seeds import SeedTable
from hgl.train.objective import Objective, Regression


@dataclass(frozen=True)
class Material:
    """What every rung of a ladder is made of.

    Rows of `train` are the labelled seeds, under a staleness their stale copies, then extra seeds.

    Attributes:
        objective: of the teacher.
        seeds: `train`, `val`, `test`.
        plan: columns after pruning.
        tables: per split, all columns there were before.
        labelled: how many rows of `train`, the first ones, have labels.
        target: [rows of train] or [.., labels] as lessons have it; NaN without a label.
        taught: [rows of train, out_channels] teacher's outputs; rows of NaN where it was not asked.
        log_codes: [rows of train, codes] log-probabilities of the teacher's codes, NaN likewise.
        read_codes: of parents; None where nobody reads them.
        views: of the teacher, on each split's seeds.
        tokens: the teacher's codes.
        temperature: of the teacher, fitted on validation.
    """

    objective: Objective
    seeds: Mapping[str, SeedTable]
    plan: FeaturePlan
    tables: Mapping[str, FeatureTable]
    labelled: int
    target: Tensor
    taught: Tensor
    log_codes: Tensor
    read_codes: ReadCodes | None
    views: Mapping[str, Observed]
    tokens: Tokens
    temperature: float

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Those that it has everything for."""
        return tuple(r for r in STUDENTS if r.tier != "row+agg+code" or self.read_codes)

    def columns(self, rung: Rung) -> FeaturePlan:
        """Return what a rung's student reads."""
        if rung.tier != "row":
            return self.plan
        wide = self.tables["train"].plan
        return wide.keep({f.name for f in wide.features if f.source is None})

    def lessons(self, rung: Rung, split: str) -> Lessons:
        """Return what a rung's student learns from (`train`), or is asked about."""
        numerical, categorical = columns_of(self.tables[split].keep(self.columns(rung)))
        target, taught, codes = (
            self._learnt(rung) if split == "train" else self._asked(len(numerical))
        )
        extra = torch.empty(len(numerical), 0)
        if rung.tier == "row+agg+code" and self.read_codes:
            extra = self.read_codes.columns[split]
        rows = len(target)
        return Lessons(numerical[:rows], categorical[:rows], extra[:rows], target, taught, codes)

    def _learnt(self, rung: Rung) -> tuple[Tensor, Tensor, Tensor]:
        rows = len(self.target) if rung.taught else self.labelled
        codes = self.log_codes if rung.coded else self.log_codes[:, :0]
        return self.target[:rows], self.taught[:rows], codes[:rows]

    def _asked(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        nothing = torch.full((rows, 1), np.nan)
        return nothing[:, 0], nothing, nothing[:, :0]


def in_units(objective: Objective, answers: np.ndarray) -> Tensor:
    """Return answers as lessons have them: a regression's in units of the training spread."""
    if isinstance(objective, Regression):
        answers = (answers - objective.centre) / objective.spread
    return torch.as_tensor(answers, dtype=torch.float32)
