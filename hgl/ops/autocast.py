"""What torch does for its own operators under autocast, for ours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def lowered(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The same tensors, in the lower precision where autocast is on."""
    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return list(tensors)
    kind = torch.get_autocast_dtype(device)
    return [x.to(kind) if x.is_floating_point() else x for x in tensors]
