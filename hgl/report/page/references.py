"""Published numbers: shown beside measured ones, never among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import yaml

from hgl.report.page.group import Group

LEADERBOARD = "leaderboard"
"""Stands for a policy: RelBench's board, where each seed may see what precedes it."""


@dataclass(frozen=True)
class Reference:
    """One published number.

    Attributes:
        method: as its source calls it.
        policy: `frozen`, or `leaderboard` (not comparable with it).
        source: who says so.
        spread: standard deviation over seeds, or None.
        models: names under which it is measured here, in lower case.
    """

    dataset: str
    task: str
    metric: str
    method: str
    value: float
    policy: str
    cut: str
    source: str
    spread: float | None = None
    models: tuple[str, ...] = ()

    def stands_for(self, model: str) -> bool:
        """Whether `model` is the same method."""
        return model.lower() in self.models

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" ± {self.spread:.3f}"
        return f"{self.value:.3f}{spread} ({self.source})"


def read_references() -> list[Reference]:
    """Return all published numbers that ship with hgl."""
    file = resources.files("hgl.report.page") / "references.yaml"
    stored = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [
        Reference(
            dataset=block["dataset"],
            task=block["task"],
            metric=block["metric"],
            models=tuple(block.get("models", {}).get(line["method"], ())),
            **line,
        )
        for block in stored
        for line in block["numbers"]
    ]


def of_group(references: Sequence[Reference], group: Group) -> list[Reference]:
    """Return the numbers of a group's question, whatever their policy."""
    asked = (group.first.dataset, group.first.task, group.first.metric)
    return [r for r in references if (r.dataset, r.task, r.metric) == asked]


def comparable(references: Sequence[Reference], group: Group) -> list[Reference]:
    """Return those of the group's own policy and cut."""
    own = (group.first.policy, group.first.cut)
    return [r for r in references if (r.policy, r.cut) == own]
