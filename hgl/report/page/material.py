"""Everything that a page shows, read and computed before it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hgl.errors import CacheError
from hgl.report.page.board import Row, board
from hgl.report.page.database import Tables, read_tables
from hgl.report.page.explanation import Explanation
from hgl.report.page.gap import Gap
from hgl.report.page.group import Group, grouped
from hgl.report.page.palette import Look, looks
from hgl.report.page.references import Reference, comparable, of_group, read_references
from hgl.report.page.run import Run, read_run
from hgl.results.record import Record

Explain = Callable[[Group], tuple[list[Explanation], list[Gap]]]
"""Gives the explanations of a group."""


@dataclass(frozen=True)
class Panel:
    """A group and what is known of it.

    Attributes:
        rows: its leaderboard.
        elsewhere: published numbers of another policy or cut.
        runs: of its records that are done.
    """

    group: Group
    rows: list[Row]
    elsewhere: list[Reference]
    runs: list[Run]


@dataclass(frozen=True)
class Material:
    """What a page is made of.

    Attributes:
        name: of the store or the runs.
        databases: dataset to its tables, or to why they are not shown; by fingerprint.
        explanations: of all groups; None where nobody asked for them.
        gaps: of records.
    """

    name: str
    panels: list[Panel]
    databases: Mapping[tuple[str, str], Tables | Gap]
    looks: Mapping[str, Look]
    explanations: list[Explanation] | None
    unexplained: list[Gap]
    gaps: list[Gap]

    @property
    def records(self) -> list[Record]:
        """All of them."""
        return [record for panel in self.panels for record in panel.group.records]


def gather(
    name: str, records: Sequence[Record], gaps: Sequence[Gap], explain: Explain | None
) -> Material:
    """Read what records point at."""
    groups, known = grouped(records), read_references()
    panels, explanations, unexplained = [], [], []
    for group in groups:
        published = of_group(known, group)
        own = comparable(published, group)
        runs = [read_run(record) for record in group.records if record.done]
        others = [r for r in published if r not in own]
        panels.append(Panel(group, board(group, own), others, runs))
        if explain is not None:
            told, untold = explain(group)
            explanations += told
            unexplained += untold
    return Material(
        name,
        panels,
        _databases(records),
        looks(record.model for record in records),
        None if explain is None else explanations,
        unexplained,
        list(gaps),
    )


def _databases(records: Sequence[Record]) -> dict[tuple[str, str], Tables | Gap]:
    found: dict[tuple[str, str], Tables | Gap] = {}
    for key in dict.fromkeys((r.dataset, r.data) for r in records if r.done):
        try:
            found[key] = read_tables([r for r in records if (r.dataset, r.data) == key])
        except CacheError as error:
            found[key] = Gap(f"schema of {key[0]}", str(error))
    return found
