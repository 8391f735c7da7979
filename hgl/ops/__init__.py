"""Kernels over relations: the one public face."""

from hgl.ops.adjacency import adjacency_product, product_values, strong_edges
from hgl.ops.backends import backend
from hgl.ops.bag_sum import bag_sum
from hgl.ops.copies import CopiedRows, Copies, copied_linear, copy_rows
from hgl.ops.edge_draws import draw_edges, product_budget
from hgl.ops.edge_score import edge_score
from hgl.ops.edge_softmax import edge_softmax
from hgl.ops.gated_crossing import gated_crossing
from hgl.ops.grouped_linear import grouped_linear
from hgl.ops.joined import JoinedEdges
from hgl.ops.meta_pairs import MetaPairs
from hgl.ops.meta_paths import MetaPath, MetaPaths, schema_walks
from hgl.ops.meta_plan import MetaPlan
from hgl.ops.metadata import by_target, canonical, check_features, check_numbers, check_reverses
from hgl.ops.plan import RelationBlock, RelationPlan, check_depth
from hgl.ops.relation_linear import relation_linear
from hgl.ops.segment_reduce import segment_reduce
from hgl.ops.segment_softmax import segment_softmax
from hgl.ops.segments import Segments, Transpose, expand
from hgl.ops.softmax_sum import segment_softmax_sum
from hgl.ops.spread import spread
from hgl.ops.weighted_sum import edge_dot, weighted_segment_sum

__all__ = [
    "CopiedRows",
    "Copies",
    "JoinedEdges",
    "MetaPairs",
    "MetaPath",
    "MetaPaths",
    "MetaPlan",
    "RelationBlock",
    "RelationPlan",
    "Segments",
    "Transpose",
    "adjacency_product",
    "backend",
    "bag_sum",
    "by_target",
    "canonical",
    "check_depth",
    "check_features",
    "check_numbers",
    "check_reverses",
    "copied_linear",
    "copy_rows",
    "draw_edges",
    "edge_dot",
    "edge_score",
    "edge_softmax",
    "expand",
    "gated_crossing",
    "grouped_linear",
    "product_budget",
    "product_values",
    "relation_linear",
    "schema_walks",
    "segment_reduce",
    "segment_softmax",
    "segment_softmax_sum",
    "spread",
    "strong_edges",
    "weighted_segment_sum",
]
