"""What an audit found: a leak that was proven, or something that deserves a look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["leak", "suspicion", "note"]
"""Proven by a changed batch or prediction; likely by the data; worth knowing."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing, with what shows it and what to do about it.

    Attributes:
        check: that found it, such as `canary` or `snapshot counter`.
        place: table, `table.column`, or part of the task.
        evidence: what was measured, in one sentence with its numbers.
        remedy: what to change, in one sentence.
    """

    check: str
    severity: Severity
    place: str
    evidence: str
    remedy: str
