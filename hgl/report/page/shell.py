"""The page around its sections: style, script, the policy that lets nothing else in, filters."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import hgl
from hgl.report.numbers import seconds
from hgl.report.page.audits import audits_section
from hgl.report.page.calibration import calibration_section
from hgl.report.page.cost import cost_section
from hgl.report.page.curves import curves_section
from hgl.report.page.element import Child, Fragment, el, name, raw
from hgl.report.page.explanations import explanations_section
from hgl.report.page.leaderboard import leaderboard_section
from hgl.report.page.material import Material
from hgl.report.page.records import records_section
from hgl.report.page.schema_graph import schema_section
from hgl.report.page.slices import slices_section
from hgl.report.page.timeline import timeline_section

_PLACES = {
    "leaderboard": "Leaderboard",
    "cost": "Cost",
    "curves": "Curves",
    "calibration": "Calibration",
    "slices": "Over time",
    "explanations": "Explanations",
    "timeline": "Time line",
    "schema": "Schema",
    "audit": "Audit",
    "records": "Records",
}


def page(material: Material, home: Path) -> str:
    """Return the whole document.

    Args:
        home: folder it will lie in, from which links to records start.
    """
    style, script = _part("page.css"), _part("page.js")
    head = [
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        el("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name_="referrer", content="no-referrer"),
        el("title", f"hgl report: {material.name}"),
        el("style", raw(style)),
    ]
    sections = [
        leaderboard_section(material),
        cost_section(material),
        curves_section(material),
        calibration_section(material),
        slices_section(material),
        explanations_section(material),
        timeline_section(material),
        schema_section(material),
        audits_section(material),
        records_section(material, home),
    ]
    body = [_header(material), _bar(material), el("main", sections), _footer(material)]
    document = el("html", el("head", head), el("body", body, el("script", raw(script))), lang="en")
    return f"<!doctype html>\n{document}\n"


def _part(file: str) -> str:
    return (resources.files("hgl.report.page") / file).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing is fetched, and nothing runs but our own style and script."""
    allowed = [
        "default-src 'none'",
        f"style-src '{_digest(style)}'",
        f"script-src '{_digest(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(allowed)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _header(material: Material) -> Fragment:
    records = material.records
    done = [record for record in records if record.done]
    spent = sum(record.seconds for record in done if not math.isnan(record.seconds))
    counts = {
        "result": len(done),
        "failure": len(records) - len(done),
        "dataset": len({r.dataset for r in records}),
        "task": len({r.question for r in records}),
        "model": len({r.model for r in records}),
    }
    facts = {f"{key}{'s' if count != 1 else ''}": str(count) for key, count in counts.items()}
    facts["wall time"] = seconds(spent)
    tiles = [el("li", el("strong", value), el("span", key)) for key, value in facts.items()]
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = ["Results of ", name(material.name), ", written ", written, " by hgl ", hgl.__version__]
    title = el("h1", name(", ".join(sorted({r.dataset for r in records}))))
    return el("header", title, el("p", parts, class_="about"), el("ul", tiles, class_="facts"))


def _bar(material: Material) -> Fragment:
    links = [el("a", text, href=f"#{anchor}") for anchor, text in _PLACES.items()]
    records = material.records
    selects = [
        _select("task", "Task", sorted({r.question for r in records})),
        _select("regime", "Policy", sorted({r.regime for r in records})),
        _select("model", "Model", sorted({r.model for r in records})),
    ]
    buttons = [
        el("button", "Reset", type="reset", class_="plain"),
        el("output", aria_live="polite"),
        el("button", "Theme", type="button", id="theme", class_="plain last"),
    ]
    form = el("form", selects, buttons, aria_label="filters")
    return el("div", el("div", el("nav", links, aria_label="sections"), form), class_="bar-top")


def _select(key: str, label: str, values: Sequence[str]) -> Child:
    every = el("option", f"every {label.lower()}", value="")
    options = [el("option", value, value=value) for value in values]
    chosen = el("select", every, options, name_=key, aria_label=label)
    return el("label", el("span", label), chosen)


def _footer(material: Material) -> Fragment:
    versions = sorted({f"{k} {v}" for r in material.records for k, v in r.versions.items()})
    told = f"Made with {', '.join(versions)}." if versions else ""
    return el("footer", "One file, no network: keep it, mail it, print it. ", told)
