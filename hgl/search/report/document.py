"""The report of a search as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import pandas as pd

from hgl.search.model import GraphModel
from hgl.search.report.held_out import held_out_verdict, selection_gap
from hgl.search.report.markdown import fenced, table
from hgl.search.report.result import Result
from hgl.search.report.verdict import verdict

_TOP = 10
_BOARD = {
    "rank": "rank",
    "validation": "validation",
    "std": "std over seeds",
    "over_default": "gain over all rows as nodes",
    "edges": "as edges",
    "left_out": "left out",
    "keys": "keys",
    "epochs": "epochs",
    "seeds": "seeds",
}
_EFFECTS = {
    "what": "table or key",
    "choice": "choice",
    "effect": "effect",
    "low": "low",
    "high": "high",
    "num_models": "models",
    "num_others": "others",
    "verdict": "verdict",
}
_GAP = {
    "graph": "graph",
    "validation": "validation",
    "test": "test",
    "gap": "gap",
    "num_seeds": "seeds",
}


def document(
    result: Result, board: pd.DataFrame, told: pd.DataFrame, fidelity: str, command: Sequence[str]
) -> str:
    """Return the text of `report.md`, pictures lying beside it.

    Args:
        board: of `leaderboard`.
        told: of `effects`.
        fidelity: of the scores behind the effects, in words.
        command: what trains with the winner.
    """
    sections = [
        f"# Which graph to draw for {result.winner.reach.entity_table}",
        "\n".join(f"{line}  " for line in verdict(result)),
        *_held_out(result),
        *_graphs(result),
        *_leaders(board),
        *_effects(told, fidelity),
        "## Budget\n\n![best validation score against budget](curve.png)",
        f"## Train with it\n\n{fenced(shlex.join(command), 'bash')}",
    ]
    return "\n\n".join(sections) + "\n"


def panels(result: Result) -> list[tuple[str, GraphModel]]:
    """Return title and model of what a report draws."""
    found = [("chosen", result.winner)]
    if result.default is not None:
        found.append(("all rows as nodes", result.default))
    return found


def _held_out(result: Result) -> Iterator[str]:
    if result.held_out is None:
        return
    yield "## Test"
    yield (
        f"Nothing was chosen by test scores. The gap is how much better validation {result.metric} "
        "looked; what the chosen graph's has beyond the other's comes of having been chosen."
    )
    yield table(selection_gap(result), _GAP)
    yield held_out_verdict(result)


def _graphs(result: Result) -> Iterator[str]:
    yield "## Graphs\n\n![the chosen graph beside all rows as nodes](graphs.png)"
    for title, model in panels(result):
        yield f"{title.capitalize()}:\n\n{fenced(model.mermaid(), 'mermaid')}"


def _leaders(board: pd.DataFrame) -> Iterator[str]:
    yield f"## Best {min(_TOP, int(board['rank'].notna().sum()))} of {len(board)} graph models"
    yield table(board[board["rank"].notna()].head(_TOP), _BOARD)
    yield "All of them, failures included: [leaderboard.csv](leaderboard.csv)."


def _effects(told: pd.DataFrame, fidelity: str) -> Iterator[str]:
    yield "## Which tables and keys help\n\n![main effects](effects.png)"
    yield (
        f"Main effects on validation at {fidelity}, above 0 is better; the strongest first. The "
        "search chose what to try, and each 95 % interval stands for itself: of twenty choices "
        "without effect about one seems to have some. Undecided: the interval holds 0."
    )
    order = told["effect"].abs().sort_values(ascending=False, kind="stable").dropna().index
    decided = told.loc[order].sort_values(
        "verdict", key=lambda verdicts: verdicts == "undecided", kind="stable"
    )
    yield table(decided.head(_TOP), _EFFECTS)
    untold = told[told["effect"].isna()]
    names = "; ".join(f"{row.what} ({row.choice})" for row in untold.itertuples())
    yield f"Not identifiable from the models tried: {names or 'none'}."
