"""Records that may be compared: one task of one dataset under one policy and cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hgl.results.record import Record

_SHOWN = 8
"""Characters of a fingerprint."""


@dataclass(frozen=True)
class Group:
    """What shares a table.

    Attributes:
        key: its place among the groups, for anchors.
        records: of one dataset, task, metric, policy, cut, data and labels.
        marks: what else tells it from a group of the same name, such as `data 0a1b2c3d`.
    """

    key: str
    records: tuple[Record, ...]
    marks: tuple[str, ...] = ()

    @property
    def first(self) -> Record:
        """Any record: for what all share."""
        return self.records[0]

    @property
    def regime(self) -> str:
        """Policy and cut in words."""
        return f"policy {self.first.policy}, cut {self.first.cut}"

    @property
    def measure(self) -> str:
        """The metric, and which way is better."""
        return f"{self.first.metric} {'↑' if self.first.higher_is_better else '↓'}"


def grouped(records: Sequence[Record]) -> list[Group]:
    """Return groups in the order of dataset, task, policy and cut.

    A failed record that lacks fingerprints joins the first group of its question.
    """
    exact: dict[tuple[str, ...], list[Record]] = {}
    for record in sorted(records, key=lambda r: (not all(_asked(r)), _asked(r))):
        known = [k for k in exact if k[:5] == _question(record) and _fits(record, k)]
        key = known[0] if known else (*_question(record), *_asked(record))
        exact.setdefault(key, []).append(record)
    names = [key[:5] for key in exact]
    return [
        Group(
            f"g{number}",
            tuple(sorted(exact[key], key=lambda r: (r.model, r.seed))),
            _marks(key) if names.count(key[:5]) > 1 else (),
        )
        for number, key in enumerate(sorted(exact))
    ]


def _question(record: Record) -> tuple[str, ...]:
    return record.dataset, record.task, record.policy, record.cut, record.metric


def _asked(record: Record) -> tuple[str, str]:
    """Fingerprints of its database, and of its questions and answers."""
    return record.data, record.labels or ""


def _fits(record: Record, key: tuple[str, ...]) -> bool:
    return all(mine in ("", other) for mine, other in zip(_asked(record), key[5:]))


def _marks(key: tuple[str, ...]) -> tuple[str, ...]:
    names = ("data", "labels")
    return tuple(f"{n} {v[:_SHOWN] or 'unknown'}" for n, v in zip(names, key[5:]))
