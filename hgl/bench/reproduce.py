"""What a second run says about a record."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hgl.results.record import Record

_COMPARED = {
    "data": "database",
    "labels": "labels",
    "code": "code",
    "versions": "libraries",
    "threads": "threads",
}


@dataclass(frozen=True)
class Verdict:
    """Two records of the same words.

    Attributes:
        split: that is compared: test, or val where test was not looked at.
    """

    before: Record
    now: Record

    @property
    def split(self) -> str:
        """The split whose main score is compared."""
        return "test" if "test" in self.before.metrics else "val"

    @property
    def differences(self) -> list[str]:
        """What is not as it was, besides the score."""
        return [
            name
            for field, name in _COMPARED.items()
            if getattr(self.before, field) != getattr(self.now, field)
        ]

    @property
    def holds(self) -> bool:
        """Whether the new value lies within the record's interval; equal values always do."""
        before, now = self.before.score(self.split), self.now.score(self.split)
        ends = self.before.interval.get(self.split)
        return now == before or (ends is not None and ends[0] <= now <= ends[1])

    def lines(self) -> list[str]:
        """Say it in words."""
        before, now = self.before, self.now
        if not now.done:
            return [f"{before.id}: the second run is {now.status}: {now.error}"]
        differ = ", ".join(self.differences) or "nothing"
        ends = before.interval.get(self.split)
        shown = f"[{ends[0]:.4f}, {ends[1]:.4f}]" if ends else "none"
        same = before.predictions.get(self.split) == now.predictions.get(self.split)
        return [
            f"{before.id}: {before.task}, {before.model}, seed {before.seed}",
            f"what differs from then: {differ}",
            f"{self.split} {before.metric}: {_shown(now, self.split)}, then "
            f"{_shown(before, self.split)}; predictions {'are equal' if same else 'differ'}",
            f"95 % interval of the record, entities resampled: {shown}: "
            f"{'within' if self.holds else 'NOT within'}",
        ]


def _shown(record: Record, split: str) -> str:
    value = record.score(split)
    return "undefined" if math.isnan(value) else f"{value:.6f}"
