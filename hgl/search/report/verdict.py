"""What a search comes to, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.search.model import GraphModel
from hgl.search.report.result import Result, Scored


def verdict(result: Result) -> Iterator[str]:
    """Three sentences: the winner, what it gains over all rows as nodes, what the search cost."""
    winner = result.judged(result.winner)
    assert winner is not None
    yield f"Chosen: {_drawn(result.winner)}; on validation {scored(result, winner)}."
    yield _against_default(result, winner)
    trials, spent = result.scored, max(trial.spent for trial in result.scored)
    failed = sum(trial.score is None for trial in trials)
    full = result.fidelity(len(result.ladder.rungs) - 1)
    yield (
        f"Trials: {len(trials)} of {len({trial.model for trial in trials})} graph models, {failed} "
        f"failed; budget spent: {spent:.4g} full trainings ({full} each)."
    )


def _drawn(model: GraphModel) -> str:
    roles = model.roles
    parts = [f"{list(roles.values()).count('node')} tables as rows"]
    for role, words in (("edge", "as edges"), ("out", "left out")):
        tables = [table for table, found in roles.items() if found == role]
        parts.append(f"{words}: {', '.join(tables) or 'none'}")
    return f"{'; '.join(parts)}; {len(model.fkeys)} keys"


def _against_default(result: Result, winner: Scored) -> str:
    if result.default is None:
        return "All rows as nodes does not fit this task, so there is nothing to compare with."
    if result.winner == result.default:
        return "That is all rows as nodes itself: nothing tried was better on validation."
    gain = result.gain(winner)
    if gain is None:
        return "All rows as nodes has no score at that fidelity, so the gain is unknown."
    default = result.by_trial[result.default, winner.rung]
    return (
        f"On validation that is {compared(gain)} all rows as nodes ({scored(result, default)}); "
        "the best of many scores flatters itself."
    )


def scored(result: Result, trial: Scored) -> str:
    """Say the metric, its value on validation, and how thoroughly it was measured."""
    assert trial.score is not None
    return f"{result.metric} {result.shown(trial.score):.4f} at {result.fidelity(trial.rung)}"


def compared(gain: float) -> str:
    """Say a gain, above 0 is better, before what it is a gain over."""
    if f"{abs(gain):.4f}" == "0.0000":
        return "no better than"
    return f"{abs(gain):.4f} {'better' if gain > 0 else 'worse'} than"
