"""The students that are compared, from the least to the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tier = Literal["row", "row+agg", "row+agg+code"]
"""What a student reads: the entity's own row and the calendar; also what its past adds up to; also
cached codes of the rows that these name (see `hgl.distill.parent_codes`)."""


@dataclass(frozen=True)
class Rung:
    """One student.

    Attributes:
        taught: whether it learns from a teacher's outputs.
        coded: whether it learns the teacher's codes.
    """

    name: str
    tier: Tier
    taught: bool = False
    coded: bool = False


ROW = Rung("row", "row")
ROW_TAUGHT = Rung("row+KD", "row", taught=True)
PLAIN = Rung("row+agg", "row+agg")
TAUGHT = Rung("row+agg+KD", "row+agg", taught=True)
CODED = Rung("row+agg+KD+codes", "row+agg", taught=True, coded=True)
READ = Rung("row+agg+code+KD", "row+agg+code", taught=True)
STUDENTS = (ROW, ROW_TAUGHT, PLAIN, TAUGHT, CODED, READ)
CONSTANT, BOOSTED, TEACHER = "constant", "LightGBM on aggregates", "teacher"
