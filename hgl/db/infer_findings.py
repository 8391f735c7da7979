"""What was inferred and why, for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["pkey", "fkey", "time", "stype"]
"""What a finding is about."""


@dataclass(frozen=True)
class Evidence:
    """One reason: what was looked at, how strongly it speaks (0 to 1), and what was seen."""

    name: str
    score: float
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing a database did not declare.

    Attributes:
        kind: what was decided about.
        table: its table.
        columns: its columns, `()` when the decision is that there is none.
        decision: what was decided, in words.
        score: confidence, 0 to 1.
        evidence: the reasons, each with its own score.
    """

    kind: Kind
    table: str
    columns: tuple[str, ...]
    decision: str
    score: float
    evidence: tuple[Evidence, ...] = ()


def report(findings: Iterable[Finding]) -> list[str]:
    """Return one readable line per finding, grouped by table."""
    return [_line(f) for f in sorted(findings, key=lambda f: f.table)]


def _line(finding: Finding) -> str:
    where = f"{finding.table}({', '.join(finding.columns)})" if finding.columns else finding.table
    reasons = "; ".join(f"{e.name} {e.score:.2f}: {e.text}" for e in finding.evidence)
    return f"{where}: {finding.decision} ({finding.score:.2f})" + (
        f" -- {reasons}" if reasons else ""
    )
