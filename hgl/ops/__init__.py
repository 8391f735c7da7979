"""Kernels over relations: the one public face."""

from hgl.ops.backends import backend
from hgl.ops.bag_sum import bag_sum
from hgl.ops.copies import Copies, copy_rows
from hgl.ops.grouped_linear import grouped_linear
from hgl.ops.joined import JoinedEdges
from hgl.ops.metadata import by_target, canonical, check_reverses
from hgl.ops.plan import RelationBlock, RelationPlan, check_depth
from hgl.ops.relation_linear import relation_linear
from hgl.ops.segment_reduce import segment_reduce
from hgl.ops.segment_softmax import edge_score, segment_softmax, segment_softmax_sum
from hgl.ops.segments import Segments, Transpose, expand
from hgl.ops.weighted_sum import edge_dot, weighted_segment_sum

__all__ = [
    "Copies",
    "JoinedEdges",
    "RelationBlock",
    "RelationPlan",
    "Segments",
    "Transpose",
    "backend",
    "bag_sum",
    "by_target",
    "canonical",
    "check_depth",
    "check_reverses",
    "copy_rows",
    "edge_dot",
    "edge_score",
    "expand",
    "grouped_linear",
    "relation_linear",
    "segment_reduce",
    "segment_softmax",
    "segment_softmax_sum",
    "weighted_segment_sum",
]
