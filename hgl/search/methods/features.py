"""Graph models as vectors: keys kept, and what each table is."""

from __future__ import annotations

import numpy as np

from hgl.search.encoding import Encoding


def describe(encoding: Encoding, masks: np.ndarray) -> np.ndarray:
    """Return one-hots of models: of each foreign key, then of each table's role.

    Args:
        masks: [n] int64 bits of canonical models.
    Returns: [n, foreign keys + 3 * tables] float64: keys kept; then tables that are edges, that
        are nodes, and that are out.
    """
    keys = [masks & link.bit != 0 for link in encoding.fkeys.values()]
    touched = [masks & encoding.touching[table] != 0 for table in encoding.tables]
    bits = [encoding.edges[t].bit if t in encoding.edges else 0 for t in encoding.tables]
    edges = [masks & bit != 0 for bit in bits]
    nodes = [drawn & ~edge for drawn, edge in zip(touched, edges, strict=True)]
    out = [~drawn & ~edge for drawn, edge in zip(touched, edges, strict=True)]
    return np.stack([*keys, *edges, *nodes, *out], axis=1).astype(float)


def standardise(values: np.ndarray) -> np.ndarray:
    """Return values with mean 0 and deviation 1; all 0 where they are the same."""
    if not len(values):
        return values
    deviation = values.std()
    return (values - values.mean()) / (deviation if deviation > 0 else 1.0)
