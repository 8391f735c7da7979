"""What an audit left: findings, and how much was compared; `audit.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hgl.errors import CacheError
from hgl.results.finding import Finding, Severity
from hgl.results.typed import finite, typed
from hgl.train.record import write_text

FILE = "audit.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Audit:
    """One audit.

    Attributes:
        data: fingerprint of the database.
        policy, cut: of the question; canaries have both of each.
        comparisons: what was seen to how often it was compared.
        seconds: wall time.
        finished: ISO 8601, UTC.
    """

    dataset: str
    task: str
    policy: str
    cut: str
    data: str
    findings: tuple[Finding, ...]
    comparisons: Mapping[str, int]
    seconds: float
    finished: str
    versions: Mapping[str, str]

    def of(self, severity: Severity) -> Iterator[Finding]:
        """Yield the findings of one severity."""
        yield from (f for f in self.findings if f.severity == severity)

    @property
    def sorted(self) -> list[Finding]:
        """Findings, the worst first."""
        order = get_args(Severity)
        return sorted(self.findings, key=lambda finding: order.index(finding.severity))

    @property
    def verdict(self) -> str:
        """In a few words."""
        leaks, suspicions = (len(list(self.of(s))) for s in ("leak", "suspicion"))
        made = sum(self.comparisons.values())
        proven = f"{leaks} leak{'s' if leaks != 1 else ''} proven" if leaks else "no leak"
        told = f"{suspicions} suspicion{'s' if suspicions != 1 else ''}"
        return f"{proven} in {made} comparisons, {told}"

    def exit_code(self, *, strict: bool) -> int:
        """1 where a leak is proven or, if strict, likely; else 0."""
        return int(any(self.of("leak")) or (strict and any(self.of("suspicion"))))

    def write(self, folder: Path) -> Path:
        """Leave `audit.json` in a folder."""
        kept = {"format": FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(finite(kept), indent=1, ensure_ascii=False, allow_nan=False)
        write_text(folder / FILE, text + "\n")
        return folder / FILE

    @classmethod
    def read(cls, file: Path) -> Audit:
        """Read what `write` left. Raises: CacheError: it is not there, or not whole."""
        hints = get_type_hints(cls)
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            if stored.pop("format") != FORMAT:
                raise ValueError(f"expected format {FORMAT}")
            findings = tuple(_finding(found) for found in stored.pop("findings"))
            kept = {name: typed(value, hints[name], name) for name, value in stored.items()}
            return cls(**kept, findings=findings)
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise CacheError(f"{file}: expected what hgl audit left ({reason})") from None


def _finding(stored: Mapping[str, Any]) -> Finding:
    finding = Finding(**{name: typed(value, str, name) for name, value in stored.items()})
    if finding.severity not in get_args(Severity):
        raise ValueError(f"severity={finding.severity!r}")
    return finding
