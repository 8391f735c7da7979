"""Kernels over relations: the one public face."""

from hgl.ops.copies import Copies, copy_rows
from hgl.ops.plan import RelationBlock, RelationPlan, Transpose
from hgl.ops.relation_linear import relation_linear
from hgl.ops.segment import bag_sum

__all__ = [
    "Copies",
    "RelationBlock",
    "RelationPlan",
    "Transpose",
    "bag_sum",
    "copy_rows",
    "relation_linear",
]
