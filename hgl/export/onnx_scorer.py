"""Predictions from an exported file; PyTorch is not needed for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hgl.aggregates.table import FeatureTable
from hgl.errors import CacheError, MissingExtra

_INPUTS, _OUTPUTS = {"numerical", "categorical", "extra"}, ("prediction",)
_BESIDE = "session.model_external_initializers_file_folder_path"
"""Where a model's weights may lie outside its file; the working folder unless it is stated."""


class OnnxScorer:
    """Score seeds with ONNX Runtime; may be called from several threads at once.

    Args:
        file: what `hgl.export.onnx_file.export` wrote.

    Raises:
        CacheError: the file is absent or damaged.
        MissingExtra: onnxruntime is absent.
    """

    def __init__(self, file: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtra("onnxruntime", "export", "predicting with a student") from None
        try:
            content = file.read_bytes()
            options = _options(onnxruntime)
            options.add_session_config_entry(_BESIDE, str(file.parent.absolute()))
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise CacheError(f"{file} cannot be read ({error.strerror})") from None
        except Exception as error:  # the runtime's own, of many kinds
            reason = " ".join(str(error).split())
            raise CacheError(f"{file} is no model that ONNX Runtime reads: {reason}") from None
        inputs = {i.name for i in self._session.get_inputs()}
        outputs = tuple(o.name for o in self._session.get_outputs())
        if not inputs <= _INPUTS or outputs != _OUTPUTS:
            raise CacheError(
                f"{file} takes {', '.join(sorted(inputs)) or 'nothing'} and gives "
                f"{', '.join(outputs)}: expected the network of a student"
            )

    def __call__(self, table: FeatureTable, extra: np.ndarray | None = None) -> np.ndarray:
        """Predict for the seeds of a table.

        Args:
            table: columns of the plan that the model was exported with.
            extra: [n, extra]; None where the model has no such columns.

        Returns: [n] or [n, classes] float64.
        """
        with np.errstate(over="ignore"):  # what float32 cannot hold is missing, as infinities are
            inputs = {"numerical": table.numerical.astype(np.float32)}
        inputs["categorical"] = table.categorical
        if extra is not None:
            inputs["extra"] = extra.astype(np.float32)
        return self.run(**inputs).astype(np.float64)

    def run(self, **inputs: np.ndarray) -> np.ndarray:
        """Predict from arrays as the network takes them: `numerical`, `categorical`, `extra`."""
        return self._session.run(_OUTPUTS, inputs)[0]


def _options(onnxruntime: Any) -> Any:
    """One thread per call: a server answers many at once, and rows are few."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # a row's buffers come faster from malloc
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options
