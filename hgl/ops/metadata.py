"""Node types and edge types as every layer holds them: checked and sorted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.compiler import is_compiling

from hgl.errors import SchemaError
from hgl.typing import EdgeType, Metadata, NodeType, reverse_of


def canonical(metadata: Metadata) -> tuple[list[NodeType], list[EdgeType]]:
    """Sort node types and edge types, so that nothing depends on the order they came in.

    Raises: SchemaError: there is no node type, a type is named twice, or an edge type joins what is
        no node type.
    """
    node_types, edge_types = sorted(metadata[0]), sorted(metadata[1])
    if not node_types:
        raise SchemaError("metadata=([], …): expected at least one node type")
    twice = [kind for kind, n in Counter([*node_types, *edge_types]).items() if n > 1]
    if twice:
        raise SchemaError(f"metadata names {twice[0]!r} twice")
    for edge_type in edge_types:
        if len(edge_type) != 3 or not {edge_type[0], edge_type[2]} <= set(node_types):
            raise SchemaError(
                f"metadata: edge type {edge_type} does not join two of the node types {node_types}"
            )
    return node_types, edge_types


def by_target(node_types: Sequence[NodeType], edge_types: Sequence[EdgeType]) -> list[EdgeType]:
    """Edge types in slot order: by target type, then as they stand."""
    return [e for t in node_types for e in edge_types if e[2] == t]


def check_reverses(edge_types: Sequence[EdgeType]) -> None:
    """Check that each edge type's reverse is among them. Raises: SchemaError: one is not."""
    for edge_type in edge_types:
        if reverse_of(edge_type) not in edge_types:
            raise SchemaError(
                f"edge type {edge_type} has no reverse: expected {reverse_of(edge_type)} among "
                f"{sorted(edge_types)}"
            )


def check_features(
    name: str, given: Mapping[NodeType, Tensor], node_types: Sequence[NodeType]
) -> None:
    """Check that features are there for every node type, and are numbers.

    Raises: SchemaError: they are of other node types, or not of all, or some are NaN.
    """
    if set(given) != set(node_types):
        raise SchemaError(f"{name} has {sorted(given)}, expected {sorted(node_types)}")
    for node_type in node_types:
        check_numbers(f"{name}[{node_type!r}]", given[node_type])


def check_numbers(name: str, x: Tensor) -> None:
    """Check that no number is NaN; a compiled graph goes unchecked. Raises: SchemaError: one is."""
    if not is_compiling() and (unknown := int(x.isnan().sum())):
        raise SchemaError(f"{name}: {unknown} of {x.numel()} numbers are NaN, expected none")
