"""Relational databases to temporal heterogeneous graphs to relation-aware GNNs.

Names are imported on first use, so `import hgl` stays fast and needs no optional library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hgl.db.database import Database as Database
    from hgl.errors import HglError as HglError
    from hgl.features.tensor_frame import col_stats as col_stats
    from hgl.features.tensor_frame import tensor_frame as tensor_frame
    from hgl.graph.build import build_graph as build_graph
    from hgl.graph.loader import SeedLoader as SeedLoader
    from hgl.graph.spec import GraphSpec as GraphSpec
    from hgl.tasks.task import Task as Task

__version__ = "0.1.0"

_HOMES = {
    "Database": "hgl.db.database",
    "GraphSpec": "hgl.graph.spec",
    "HglError": "hgl.errors",
    "SeedLoader": "hgl.graph.loader",
    "Task": "hgl.tasks.task",
    "build_graph": "hgl.graph.build",
    "col_stats": "hgl.features.tensor_frame",
    "tensor_frame": "hgl.features.tensor_frame",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hgl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
