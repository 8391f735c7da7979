"""The report of a search: one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hgl.db.redact import redact
from hgl.search.model import GraphModel
from hgl.search.report.aside import save_text
from hgl.search.report.curve import save_curve
from hgl.search.report.document import document, panels
from hgl.search.report.effects import effects, effects_rung
from hgl.search.report.forest import save_forest
from hgl.search.report.leaderboard import leaderboard
from hgl.search.report.picture import save_models
from hgl.search.report.result import Result
from hgl.search.report.spec_file import check_name, spec_file
from hgl.search.report.verdict import scored, verdict


def write_report(
    folder: Path, result: Result, *, name: str = "searched", options: Sequence[str] = ()
) -> Path:
    """Write what a search found, `report.md` last; each file is written aside and renamed.

    Beside it: `leaderboard.csv`, `effects.csv`, `graphs.png`, `effects.png`, `curve.png` and
    `graph/<name>.yaml`, with which `hgl train --config-dir <folder> graph=<name>` trains.

    Args:
        name: of the configuration.
        options: what else the search was told, such as `db=shop`, for that command.
    Returns: path of `report.md`.
    Raises: ConfigError: the name cannot be an option. SourceError: a file cannot be written.
    """
    check_name(name)
    board, told, rung = leaderboard(result), effects(result), effects_rung(result)
    save_text(board.to_csv(index=False), folder / "leaderboard.csv")
    save_text(told.to_csv(index=False), folder / "effects.csv")
    save_models([_captioned(result, *panel) for panel in panels(result)], folder / "graphs.png")
    save_forest(told, result.metric, result.fidelity(rung), folder / "effects.png")
    save_curve(result, folder / "curve.png")
    note = next(verdict(result))
    save_text(spec_file(result.winner, note), folder / "graph" / f"{name}.yaml")
    command = ["hgl", "train", "--config-dir", str(folder), f"graph={name}", *map(redact, options)]
    report = folder / "report.md"
    save_text(document(result, board, told, result.fidelity(rung), command), report)
    return report


def _captioned(result: Result, title: str, model: GraphModel) -> tuple[str, GraphModel]:
    trial = result.judged(model)
    return (title if trial is None else f"{title}: {scored(result, trial)}"), model
