"""Audits as files, and what they make of a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hgl.audit.markdown import markdown
from hgl.errors import CacheError
from hgl.results.audit import FILE, Audit
from hgl.results.finding import Finding, Severity


def finding(severity: Severity) -> Finding:
    return Finding(
        check="canary",
        severity=severity,
        place="orders",
        evidence="2 | 3 of 4 differ",
        remedy="give them a time",
    )


def made(*severities: Severity) -> Audit:
    return Audit(
        dataset="shop",
        task="returns",
        policy="rolling",
        cut="inclusive",
        data="0" * 32,
        findings=tuple(map(finding, severities)),
        comparisons={"batch (all rows as nodes, numba sampler)": 8},
        seconds=1.5,
        finished="2026-01-01T00:00:00+00:00",
        versions={"hgl": "0.1.0"},
    )


def test_an_audit_is_read_as_it_was_written(tmp_path: Path) -> None:
    audit = made("note", "leak")
    assert Audit.read(audit.write(tmp_path)) == audit


@pytest.mark.parametrize(
    ("severities", "code", "strict"),
    [((), 0, 0), (("note",), 0, 0), (("suspicion",), 0, 1), (("leak", "note"), 1, 1)],
)
def test_exit_codes(severities: tuple[Severity, ...], code: int, strict: int) -> None:
    audit = made(*severities)
    assert (audit.exit_code(strict=False), audit.exit_code(strict=True)) == (code, strict)


def test_what_is_no_audit_is_refused(tmp_path: Path) -> None:
    file = made("leak").write(tmp_path)
    for broken in (
        file.read_text()[:-9],
        file.read_text().replace('"leak"', '"rumour"'),
        json.dumps({**json.loads(file.read_text()), "format": 99}),
    ):
        file.write_text(broken)
        with pytest.raises(CacheError, match=FILE):
            Audit.read(file)
        file = made("leak").write(tmp_path)


def test_markdown_has_the_worst_first_and_whole_rows() -> None:
    text = markdown(made("note", "suspicion", "leak"))
    lines = [line for line in text.splitlines() if "canary" in line]
    assert [line.split(" | ")[0] for line in lines] == ["| leak", "| suspicion", "| note"]
    assert "2 \\| 3 of 4 differ" in lines[0]
    assert text.splitlines()[2].startswith("1 leak proven in 8 comparisons, 1 suspicion.")
