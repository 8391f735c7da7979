"""A network that should not be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hgl.models.sage import HeteroGraphSAGE
from hgl.ops import RelationPlan
from hgl.typing import NodeType


class Remembering(HeteroGraphSAGE):
    """Answers by how often it was asked before, which no batch says."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked = 0

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        self.asked += 1
        out = super().forward_plans(x_dict, plans)
        return {node_type: torch.sin(x + self.asked) for node_type, x in out.items()}
