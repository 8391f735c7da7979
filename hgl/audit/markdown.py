"""An audit as Markdown."""

from __future__ import annotations

from hgl.results.audit import Audit


def markdown(audit: Audit) -> str:
    """Return `audit.md`."""
    lines = [
        f"# Audit of {audit.dataset}, {audit.task}",
        "",
        f"{audit.verdict[0].upper()}{audit.verdict[1:]}. Policy {audit.policy}, cut {audit.cut}; "
        f"canaries have both of each. {audit.seconds:.0f} s, {audit.finished}, data {audit.data}.",
        "",
        *_table(
            ["severity", "check", "place", "evidence", "remedy"],
            [[f.severity, f.check, f.place, f.evidence, f.remedy] for f in audit.sorted],
        ),
        "",
        "What was compared, bit for bit, before and after rows later than the seeds changed:",
        "",
        *_table(
            ["what seeds see", "comparisons"],
            [[name, str(count)] for name, count in audit.comparisons.items()],
        ),
    ]
    return "\n".join([*lines, ""])


def _table(titles: list[str], rows: list[list[str]]) -> list[str]:
    lines = [titles, ["-"] * len(titles), *([_cell(text) for text in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
