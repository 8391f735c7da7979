"""Section: what audits found that lie beside the records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hgl.errors import CacheError
from hgl.report.page.element import Child, Fragment, el, name
from hgl.report.page.gap import Gap, shown
from hgl.report.page.material import Material
from hgl.report.page.section import Cell, Column, row, section, table
from hgl.results.audit import FILE, Audit
from hgl.results.record import Record

_COLUMNS = [
    Column("severity"),
    Column("check"),
    Column("place"),
    Column("evidence", sort=False),
    Column("remedy", sort=False),
]


def audits_section(material: Material) -> Fragment:
    """List the findings of every audit in the store and in the folders of its runs."""
    about = (
        "Rows later than the seeds were changed, and everything that the seeds see was compared "
        "bit for bit: a leak is proven by a difference, a suspicion is likely by the data."
    )
    cards: list[Child] = []
    gaps = []
    for file in _files(material.records):
        try:
            cards.append(_card(Audit.read(file)))
        except CacheError as error:
            gaps.append(Gap("audit", str(error)))
    if not cards and not gaps:
        gaps.append(Gap("audit", f"neither the store nor a run has {FILE}; hgl audit run=… does"))
    return section("audit", "Audit", about, cards, shown(gaps))


def _files(records: Iterable[Record]) -> list[Path]:
    places: dict[Path, None] = {}
    for record in records:
        if record.file is not None:
            places[record.file.parents[1]] = None
        if record.folder is not None:
            places[record.folder] = None
    return [place / FILE for place in places if (place / FILE).is_file()]


def _card(audit: Audit) -> Fragment:
    marks = [el("span", text, class_="chip") for text in (f"{audit.policy}, {audit.cut}",)]
    heading = el("h3", name(audit.dataset), " · ", name(audit.task), marks)
    lines = []
    for finding in audit.sorted:
        texts = (finding.check, finding.place, finding.evidence, finding.remedy)
        cells = [Cell(finding.severity, finding.severity), *(Cell(name(t), t) for t in texts)]
        lines.append(row(_COLUMNS, cells, kind="failed" if finding.severity == "leak" else ""))
    verdict = el("p", f"{audit.verdict}; {audit.finished[:10]}, data {audit.data[:8]}.")
    return el("article", heading, verdict, table("findings", _COLUMNS, lines), class_="card")
