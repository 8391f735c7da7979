"""What a report cannot show, and why: shown in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hgl.report.page.element import Fragment, el


@dataclass(frozen=True)
class Gap:
    """Something that is missing.

    Attributes:
        what: for example `curve of sage, seed 0`.
        why: one short clause.
    """

    what: str
    why: str

    def __str__(self) -> str:
        return f"no {self.what}: {self.why}"


def of_models(what: str, models: Iterable[str], why: str) -> list[Gap]:
    """Return one gap for all models that lack the same, or none."""
    lacking = ", ".join(sorted(set(models)))
    return [Gap(f"{what} of {lacking}", why)] if lacking else []


def shown(gaps: list[Gap]) -> Fragment | None:
    """Return gaps as a list, or nothing."""
    told = dict.fromkeys(map(str, gaps))
    return el("ul", [el("li", text) for text in told], class_="gaps") if told else None
