"""Kernels over relations: the one public face."""

from hgl.ops.backends import backend
from hgl.ops.bag_sum import bag_sum
from hgl.ops.copies import CopiedRows, Copies, copied_linear, copy_rows
from hgl.ops.grouped_linear import grouped_linear
from hgl.ops.plan import RelationBlock, RelationPlan, check_depth
from hgl.ops.relation_linear import relation_linear
from hgl.ops.segment_reduce import segment_reduce
from hgl.ops.segment_softmax import edge_score, segment_softmax, segment_softmax_sum
from hgl.ops.segments import Segments, Transpose
from hgl.ops.weighted_sum import edge_dot, weighted_segment_sum

__all__ = [
    "CopiedRows",
    "Copies",
    "RelationBlock",
    "RelationPlan",
    "Segments",
    "Transpose",
    "backend",
    "bag_sum",
    "check_depth",
    "copied_linear",
    "copy_rows",
    "edge_dot",
    "edge_score",
    "grouped_linear",
    "relation_linear",
    "segment_reduce",
    "segment_softmax",
    "segment_softmax_sum",
    "weighted_segment_sum",
]
