"""Section: what the models say of their own predictions."""

from __future__ import annotations

from collections.abc import Sequence

from hgl.report.page.chart import picture, tip
from hgl.report.page.element import Fragment, el, name
from hgl.report.page.explanation import Explanation
from hgl.report.page.gap import Gap, shown
from hgl.report.page.material import Material
from hgl.report.page.palette import Look
from hgl.report.page.section import of_group, section

_WIDTH, _ROW, _LABEL = 360, 34, 15
_MOST = 12
_LONGEST = 50


def explanations_section(material: Material) -> Fragment:
    """Draw the shares of every explained model, or say why there are none."""
    about = "One seed of each model, on a batch of validation questions; shares are of the whole."
    if material.explanations is None:
        gap = Gap(
            "explanation", "explain=true restores each model and computes them (some seconds each)"
        )
        return section("explanations", "What the models lean on", about, shown([gap]))
    cards = []
    for panel in material.panels:
        ours = [e for e in material.explanations if e.key == panel.group.key]
        if ours:
            figures = [_figure(e, material.looks[e.model]) for e in ours]
            cards.append(of_group(panel.group, el("div", figures, class_="charts")))
    return section(
        "explanations", "What the models lean on", about, cards, shown(material.unexplained)
    )


def _figure(explanation: Explanation, look: Look) -> Fragment:
    shown_bars = explanation.bars[:_MOST]
    title = [
        el("strong", name(explanation.model)),
        f", seed {explanation.seed}: {explanation.title}",
    ]
    rest = sum(share for _, share in explanation.bars[_MOST:])
    more = f" {len(explanation.bars) - _MOST} smaller ones share {rest:.1%}." if rest else ""
    caption = el("figcaption", title, el("div", explanation.about + more, class_="about"))
    return el(
        "figure", caption, _bars(shown_bars, look, explanation.title), data_model=explanation.model
    )


def _bars(bars: Sequence[tuple[str, float]], look: Look, label: str) -> Fragment:
    most = max((share for _, share in bars), default=1.0) or 1.0
    drawn = []
    for number, (text, share) in enumerate(bars):
        y = number * _ROW
        short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        long = max((_WIDTH - 60) * share / most, 1.0)
        parts = [
            tip(f"{text}: {share:.1%}"),
            el("text", short, x=0, y=y + _LABEL, class_="tick"),
            el("rect", x=0, y=y + 19, width=long, height=9, rx=2),
            el("text", f"{share:.1%}", x=long + 6, y=y + 27, class_="tick strong"),
        ]
        drawn.append(el("g", parts))
    return picture(
        _WIDTH, len(bars) * _ROW + 4, label, el("g", drawn, class_=f"bars {look.colour}")
    )
