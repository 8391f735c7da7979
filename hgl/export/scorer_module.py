"""What is exported: a network and what turns its outputs into predictions."""

from __future__ import annotations

from torch import Tensor, nn

from hgl.export.calibration import Probabilities, Values


class ScorerModule(nn.Module):
    """Predict from raw columns.

    Args:
        network: such as `TableMLP`: numerical, categorical and extra columns to [batch, outputs].
        calibration: turns outputs into what people read.
    """

    def __init__(self, network: nn.Module, calibration: Probabilities | Values) -> None:
        super().__init__()
        self.network = network
        self.calibration = calibration

    def forward(
        self, numerical: Tensor, categorical: Tensor, extra: Tensor | None = None
    ) -> Tensor:
        """Predict for seeds.

        Args:
            numerical: [batch, numbers] float32; NaN and infinities are missing.
            categorical: [batch, texts] int64 codes.
            extra: [batch, extra] float32; None where the network has no such columns.

        Returns: [batch] or [batch, classes] float32.
        """
        inputs = (numerical, categorical) if extra is None else (numerical, categorical, extra)
        return self.calibration(self.network(*inputs))
