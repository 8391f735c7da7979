"""Kernels over relations: the one public face."""

from hgl.ops.plan import RelationPlan, Transpose
from hgl.ops.segment import bag_sum, gather_rows, segment_sum

__all__ = ["RelationPlan", "Transpose", "bag_sum", "gather_rows", "segment_sum"]
