"""LATTE's choices as a Sankey diagram: which types each type listens to, layer by layer.

Within a layer, each receiving type on the left spreads a height of 1 over the meta-relations it
listens along, to the types that send them on the right. What it keeps of itself is pale. Layers
stand side by side, the last one, which makes the output, first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hgl.db.files import aside_of
from hgl.errors import MissingExtra
from hgl.explain.attention import SELF

_PALETTE = ("31,119,180", "255,127,14", "44,160,44", "214,39,40", "148,103,189", "140,86,75")
_PALE, _STRONG = 0.12, 0.5
_GAP = 0.15
"""Between the bars of a column, as a share of the height of one."""


def sankey_nodes(weights: pd.DataFrame) -> pd.DataFrame:
    """The bars: `layer`, `side` (`receiver` or `sender`), `node_type`, `nodes` and `height`.

    Args:
        weights: from `meta_relation_weights`.
    """
    counts = weights.groupby("receiver")["nodes"].max()
    sides = [
        weights.groupby(["layer", side], as_index=False)["mean"]
        .sum()
        .rename(columns={side: "node_type", "mean": "height"})
        .assign(side=side)
        for side in ("receiver", "sender")
    ]
    nodes = pd.concat(sides, ignore_index=True)
    nodes["nodes"] = nodes["node_type"].map(counts).fillna(0).astype(int)
    nodes = nodes.sort_values(["layer", "side", "node_type"], ascending=[False, True, True])
    return nodes[["layer", "side", "node_type", "nodes", "height"]].reset_index(drop=True)


def save_sankey_html(weights: pd.DataFrame, path: str | Path) -> None:
    """Write an interactive diagram: one file, which needs no network.

    Args:
        weights: from `meta_relation_weights`.
    Raises: MissingExtra: plotly is absent.
    """
    try:
        from plotly import graph_objects
    except ImportError:
        raise MissingExtra("plotly", "viz", "an interactive diagram") from None
    nodes, colours = sankey_nodes(weights), _colours(weights)
    numbers = {(n.layer, n.side, n.node_type): i for i, n in enumerate(nodes.itertuples())}
    columns = {layer: i for i, layer in enumerate(sorted(nodes["layer"].unique(), reverse=True))}
    last = max(2 * len(columns) - 1, 1)
    x = [(2 * columns[n.layer] + (n.side == "sender")) / last for n in nodes.itertuples()]
    links = list(weights.itertuples())
    said = "%{customdata}<extra></extra>"
    figure = graph_objects.Figure(
        graph_objects.Sankey(
            arrangement="snap",
            node={
                "label": nodes["node_type"].tolist(),
                # Plotly drops bars that stand exactly on its edges.
                "x": np.clip(x, 0.001, 0.999).tolist(),
                "y": _middles(nodes).tolist(),
                "color": [f"rgb({colours[t]})" for t in nodes["node_type"]],
                "customdata": [f"{n.node_type}: {n.nodes:,} nodes" for n in nodes.itertuples()],
                "hovertemplate": said,
            },
            link={
                "source": [numbers[w.layer, "receiver", w.receiver] for w in links],
                "target": [numbers[w.layer, "sender", w.sender] for w in links],
                "value": [w.mean for w in links],
                "color": [f"rgba({colours[w.sender]},{_opacity(w)})" for w in links],
                "customdata": [
                    f"layer {w.layer}, {w.meta_relation}: {w.mean:.3f} ± {w.std:.3f} "
                    f"({w.edges:,} edges)"
                    for w in links
                ],
                "hovertemplate": said,
            },
        )
    )
    for layer, column in columns.items():
        figure.add_annotation(
            x=(2 * column + 0.5) / last, y=1.06, text=f"layer {layer}", showarrow=False
        )
        if column:
            where = (2 * column - 0.5) / last
            figure.add_shape(
                type="line", xref="paper", yref="paper", x0=where, x1=where, y0=0, y1=1,
                line={"dash": "dot", "color": "grey"},
            )  # fmt: skip
    with aside_of(Path(path)) as aside:
        figure.write_html(aside, include_plotlyjs=True)


def save_sankey_png(weights: pd.DataFrame, path: str | Path) -> None:
    """Draw the same diagram as a PNG.

    Args:
        weights: from `meta_relation_weights`.
    """
    layers = sorted(weights["layer"].unique(), reverse=True)
    figure = Figure(figsize=(5 * len(layers), 5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    colours = _colours(weights)
    for axes, layer in zip(np.atleast_1d(figure.subplots(1, len(layers))), layers, strict=True):
        mine = weights[weights["layer"] == layer]
        starts = {side: _draw_bars(axes, mine, side, colours) for side in ("receiver", "sender")}
        for link in mine.itertuples():
            _draw_link(axes, link, starts, _rgb(colours[link.sender]))
        axes.set_title(f"layer {layer}")
        axes.set_xlim(-0.6, 1.6)
        axes.invert_yaxis()
        axes.set_axis_off()
    with aside_of(Path(path)) as aside:
        canvas.print_png(aside)


def _draw_bars(axes: Any, weights: pd.DataFrame, side: str, colours: dict) -> dict[str, float]:
    """Draw one column; return where each type's bar starts."""
    starts, top = {}, 0.0
    place = 0.0 if side == "receiver" else 1.0
    for node_type, height in weights.groupby(side)["mean"].sum().items():
        starts[str(node_type)] = top
        axes.bar(place, height, 0.06, bottom=top, color=_rgb(colours[node_type]))
        axes.text(
            place + (-0.06 if side == "receiver" else 0.06),
            top + height / 2,
            node_type,
            ha="right" if side == "receiver" else "left",
            va="center",
        )
        top += height + _GAP
    return starts


def _draw_link(axes: Any, link: Any, starts: dict[str, dict[str, float]], colour: tuple) -> None:
    """Draw a band from where the receiver's bar is filled up to, to where the sender's is."""
    left, right = starts["receiver"][link.receiver], starts["sender"][link.sender]
    starts["receiver"][link.receiver] += link.mean
    starts["sender"][link.sender] += link.mean
    x = np.linspace(0.03, 0.97, 50)
    bend = (1 - np.cos(np.linspace(0, np.pi, 50))) / 2
    lower = left + (right - left) * bend
    axes.fill_between(x, lower, lower + link.mean, color=colour, alpha=_opacity(link), linewidth=0)


def _middles(nodes: pd.DataFrame) -> pd.Series:
    """Heights of the bars' middles from the top, each column spread over (0, 1)."""
    columns = nodes.groupby(["layer", "side"])["height"]
    below = columns.cumsum() - nodes["height"] / 2
    return (below / columns.transform("sum")).clip(0.001, 0.999)


def _opacity(link: Any) -> float:
    return _PALE if link.meta_relation == SELF else _STRONG


def _colours(weights: pd.DataFrame) -> dict[str, str]:
    types = sorted({*weights["receiver"], *weights["sender"]})
    return {t: _PALETTE[i % len(_PALETTE)] for i, t in enumerate(types)}


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(part) / 255 for part in colour.split(","))
