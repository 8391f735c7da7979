"""The records of one contender that a table shows in one row: its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hgl.results.record import Record
from hgl.results.score import Score


@dataclass(frozen=True)
class Runs:
    """Records that differ in their seed, and in how they ended.

    Attributes:
        twins: other models that predict exactly the same.
    """

    records: tuple[Record, ...] = ()
    twins: tuple[str, ...] = ()

    @classmethod
    def among(cls, records: Iterable[Record], everyone: Iterable[Record]) -> Runs:
        """Return records as a row of a table.

        Args:
            everyone: all that the table could show, to find twins among.
        """
        own = tuple(records)
        said = {words for record in own for words in _said(record)}
        same = {r.model for r in everyone if said & _said(r)} - {r.model for r in own}
        return cls(own, tuple(sorted(same)))

    @property
    def done(self) -> Sequence[Record]:
        """Those with a result."""
        return [record for record in self.records if record.done]

    @property
    def failed(self) -> Sequence[Record]:
        """Those without one."""
        return [record for record in self.records if not record.done]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of those with a result."""
        return tuple(record.seed for record in self.done)

    def score(self, split: str) -> Score:
        """Return the main score on a split."""
        return Score.over(self.done, split)

    @property
    def seconds(self) -> float:
        """Mean wall time of those with a result whose time is known; nan without any."""
        known = [r.seconds for r in self.done if not math.isnan(r.seconds)]
        return float(np.mean(known)) if known else math.nan

    @property
    def peak_bytes(self) -> float:
        """Most memory that one of them is known to have taken, failures too; nan without any."""
        known = [r.peak_bytes for r in self.records if not math.isnan(r.peak_bytes)]
        return max(known, default=math.nan)


def _said(record: Record) -> set[tuple[str, ...]]:
    """The predictions of each split, and what they answer."""
    asked = (record.data, record.task, record.policy, record.cut)
    return {(*asked, split, said) for split, said in record.predictions.items()}
