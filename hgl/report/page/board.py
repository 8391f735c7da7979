"""The leaderboard of a group as plain rows: what the page, the Markdown and the CSV share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hgl.report.page.group import Group
from hgl.report.page.references import Reference
from hgl.report.page.run_folder import without_place
from hgl.results.record import DONE, Record
from hgl.results.runs import Runs


@dataclass(frozen=True)
class Row:
    """One line of a leaderboard.

    Attributes:
        model: as filters know it.
        variant: the settings in which it differs from other lines of that model, or "".
        runs: its seeds; one of a failure's line, none of a published one's.
        published: of this model, from elsewhere.
    """

    model: str
    variant: str = ""
    runs: Runs = field(default_factory=Runs)
    published: tuple[Reference, ...] = ()

    @property
    def label(self) -> str:
        """Model and variant."""
        return f"{self.model} ({self.variant})" if self.variant else self.model

    @property
    def status(self) -> str:
        """`done`, `published`, or what a failure was."""
        if not self.runs.records:
            return "published"
        return DONE if self.runs.done else self.runs.records[0].status

    @property
    def error(self) -> str:
        """Why there is no result, or ""."""
        lost = self.runs.failed if not self.runs.done else []
        return (lost[0].error or "") if lost else ""


def board(group: Group, references: Sequence[Reference]) -> list[Row]:
    """Return the lines of a group, the best on test first, then failures, then published ones.

    Args:
        references: those of the group's question and policy.
    """
    sign = -1 if group.first.higher_is_better else 1
    rows = [
        Row(
            model,
            variant,
            Runs.among(part, group.records),
            tuple(r for r in references if r.stands_for(model)),
        )
        for model, variant, part in _parts(group.records)
    ]
    done = [row for row in rows if row.runs.done]
    done.sort(key=lambda row: _place(sign * row.runs.score("test").mean, row))
    failed = [Row(row.model, row.variant, Runs((r,))) for row in rows for r in row.runs.failed]
    met = {reference for row in done for reference in row.published}
    others = [r for r in references if r not in met]
    return [*done, *failed, *_published(others)]


def _place(score: float, row: Row) -> tuple[bool, float, str]:
    return math.isnan(score), score, row.label


def _published(references: Sequence[Reference]) -> list[Row]:
    methods: dict[str, list[Reference]] = {}
    for reference in references:
        methods.setdefault(reference.method, []).append(reference)
    return [Row(method, published=tuple(each)) for method, each in methods.items()]


def _parts(records: Sequence[Record]) -> Iterator[tuple[str, str, list[Record]]]:
    """Records by model and by settings, each with the settings that only it has."""
    models: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        settings = repr(sorted(_leaves(without_place(record.config))))
        models.setdefault(record.model, {}).setdefault(settings, []).append(record)
    for model, variants in models.items():
        flat = [dict(_leaves(without_place(part[0].config))) for part in variants.values()]
        for own, part in zip(flat, variants.values()):
            yield model, _told(own, [other for other in flat if other is not own]), part


def _told(own: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> str:
    """The settings of one variant that others lack."""
    keys = {key for other in others for key in {**own, **other} if own.get(key) != other.get(key)}
    return ", ".join(f"{key}={own.get(key, 'default')}" for key in sorted(keys))


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if not isinstance(node, Mapping):
        yield path, str(node)
        return
    for key, value in node.items():
        yield from _leaves(value, f"{path}.{key}" if path else str(key))
