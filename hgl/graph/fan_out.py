"""How many neighbours a relation may give: fewer or more for tables drawn as edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from hgl.errors import ConfigError
from hgl.graph.sample import NumNeighbors
from hgl.graph.temporal_graph import TemporalGraph


def fan_out(
    graph: TemporalGraph, num_neighbors: Sequence[int], edge_fan_out: float = 1.0
) -> NumNeighbors:
    """Say how many edges per target and hop each relation has, as a sampler is told.

    Args:
        num_neighbors: per hop, -1 for all.
        edge_fan_out: what relations whose edges are rows (`r2e_`, `rev_r2e_`) have as a multiple of
            it, rounded up; -1 and 0 stay as they are. At 1.0 a row is as likely to be found
            whether its table is drawn as rows or as edges; RDB2G-Bench gives graphs with tables
            drawn as edges some ten times fewer neighbours, which hides what the drawing does.
    Raises: ConfigError: `edge_fan_out` is not a finite number above 0.
    """
    check_edge_fan_out(edge_fan_out)
    if edge_fan_out == 1 or all(r.edge_row is None for r in graph.relations.values()):
        return list(num_neighbors)
    # The number as it is written: as a binary fraction, 1.1 times 10 would be more than 11.
    factor = Fraction(str(edge_fan_out))
    scaled = [n if n < 1 else math.ceil(n * factor) for n in num_neighbors]
    return {
        edge_type: list(num_neighbors if relation.edge_row is None else scaled)
        for edge_type, relation in graph.relations.items()
    }


def check_edge_fan_out(edge_fan_out: float) -> None:
    """Raises: ConfigError: it is not a finite number above 0."""
    if not (math.isfinite(edge_fan_out) and edge_fan_out > 0):
        raise ConfigError(f"edge_fan_out={edge_fan_out}: expected a finite number above 0")
