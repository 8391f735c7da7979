"""The report says what was found, and no more."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.cli import main
from hgl.errors import ConfigError, SourceError
from hgl.search.report import HeldOut, Result, write_report
from hgl.search.report.held_out import held_out_verdict, selection_gap
from tests.search.report.made import keys_help, searched

FILES = [
    "curve.png",
    "effects.csv",
    "effects.png",
    "graph/searched.yaml",
    "graphs.png",
    "leaderboard.csv",
    "report.md",
]


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def better(seed: int = 0, **options: object) -> Result:
    """A search whose winner is not the default."""
    return searched(truth=lambda model: 1.2 - keys_help(model), seed=seed, **options)


def text(result: Result, folder: Path) -> str:
    return write_report(folder, result).read_text()


def test_every_file_is_there_and_repeats(tmp_path: Path) -> None:
    result = better()
    for name in ("a", "b"):
        write_report(tmp_path / name, result)
    assert files(tmp_path / "a") == FILES
    for name in FILES:
        if name != "report.md":
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_verdict_in_three_lines(tmp_path: Path) -> None:
    result = better()
    winner, default = result.judged(result.winner), result.judged(result.default)
    assert winner is not None
    assert default is not None
    found = text(result, tmp_path)
    lines = found.split("\n\n")[1].splitlines()
    assert len(lines) == 3
    assert f"on validation roc_auc {winner.score:.4f} at 10 epochs, 3 seeds" in lines[0]
    gain = winner.score - default.score
    assert f"{gain:.4f} better than all rows as nodes (roc_auc {default.score:.4f}" in lines[1]
    failed = sum(trial.score is None for trial in result.scored)
    models = len({trial.model for trial in result.scored})
    assert f"{len(result.scored)} of {models} graph models, {failed} failed" in lines[2]
    assert f"{result.scored[-1].spent:.4g} full trainings" in lines[2]
    assert found.count("```mermaid") == 2
    assert result.winner.mermaid() in found
    assert found.count("\n| ") == 2 * 12
    assert "## Test" not in found


def test_errors_are_shown_as_they_are_known(tmp_path: Path) -> None:
    found = text(searched(metric="mae", truth=lambda m: -keys_help(m)), tmp_path)
    assert "mae -" not in found
    assert "better than all rows as nodes (mae 0.6" in found


def test_the_command_trains_with_the_winner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = better()
    options = ["task=my task.yaml", "db=postgresql://me:secret@host/shop"]
    found = write_report(tmp_path / "a b", result, name="best", options=options).read_text()
    assert "secret" not in found
    words = shlex.split(found.split("```bash\n")[1].split("\n```")[0])
    assert words[0] == "hgl"
    assert main([*words[1:], "--cfg"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["task"] == "my task.yaml"
    assert tuple(shown["graph"].get("edge_tables", [])) == result.winner.edge_tables


def test_undecided_effects_are_called_so(tmp_path: Path) -> None:
    report = text(searched(truth=lambda _: 0.7, noise=0.01), tmp_path)
    told = pd.read_csv(tmp_path / "effects.csv")
    held = (told["low"] <= 0) & (told["high"] >= 0)
    assert held.mean() > 0.8
    assert set(told.loc[held, "verdict"]) == {"undecided"}
    rows = [line for line in report.splitlines() if line.endswith(" helps |")]
    assert len(rows) == (told["verdict"] == "helps").sum()


def test_test_scores_are_paired_by_seed(tmp_path: Path) -> None:
    held_out = HeldOut((0.70, 0.80, 0.90), (0.69, 0.785, 0.889))
    result = replace(better(), held_out=held_out)
    found = text(result, tmp_path)
    assert (
        "0.0120 better than all rows as nodes: gain +0.0120, paired 95 % interval [+0.005" in found
    )
    assert "undecided, as" not in held_out_verdict(result)
    gaps = selection_gap(result)
    winner = result.judged(result.winner)
    assert winner is not None
    assert gaps["gap"][0] == pytest.approx(winner.score - 0.8)
    assert gaps["test"].tolist() == pytest.approx([0.8, np.mean(held_out.default)])


@pytest.mark.parametrize(
    ("held_out", "said"),
    [
        (
            HeldOut((0.7, 0.8), (0.69, 0.82)),
            "0.0050 worse than .* undecided, as the interval holds",
        ),
        (HeldOut((0.7,), (0.6,)), "0.1000 better than .* by one seed alone: undecided"),
        (HeldOut((0.7,)), "All rows as nodes was not tested"),
    ],
)
def test_doubt_is_said(held_out: HeldOut, said: str) -> None:
    text = held_out_verdict(replace(better(), held_out=held_out))
    assert pd.Series([text]).str.contains(said).all(), text


def test_gap_of_an_error_is_its_growth() -> None:
    result = searched(metric="mae", truth=lambda m: -keys_help(m))
    gaps = selection_gap(replace(result, held_out=HeldOut((-0.9, -0.9))))
    assert gaps["test"][0] == 0.9
    assert gaps["gap"][0] == pytest.approx(0.9 - gaps["validation"][0])
    assert gaps["gap"][0] > 0


def test_nothing_better_than_the_default(tmp_path: Path) -> None:
    result = searched(truth=lambda m: float(m == searched(models=0).default), models=30)
    assert result.winner == result.default
    assert "That is all rows as nodes itself" in text(result, tmp_path)


def test_no_default(tmp_path: Path) -> None:
    found = text(searched("site-sponsor-run", models=30), tmp_path)
    assert "does not fit this task" in found
    assert found.count("```mermaid") == 1


def test_default_without_a_score_at_that_rung(tmp_path: Path) -> None:
    result = better()
    kept = [t for t in result.scored if (t.model, t.rung) != (result.default, 1)]
    assert "so the gain is unknown" in text(replace(result, scored=tuple(kept)), tmp_path)


def test_a_single_trial(tmp_path: Path) -> None:
    result = searched(models=0)
    alone = tuple(trial for trial in result.scored if trial.rung == 1)
    found = text(replace(result, scored=alone), tmp_path)
    assert "Best 1 of 1 graph models" in found
    assert files(tmp_path) == FILES


def test_bad_names_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name='a/b'"):
        write_report(tmp_path, better(models=3), name="a/b")
    assert not files(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        write_report(tmp_path / "file", better(models=3))
