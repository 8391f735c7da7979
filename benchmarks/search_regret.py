"""Every search method, replayed on the table of all graph models of a rel-f1 task.

    python benchmarks/search_regret.py
    python benchmarks/search_regret.py --table benchmarks/rel_f1_driver_dnf.parquet \\
        --warm benchmarks/rel_f1_driver_top3.parquet --reference Halving
    python benchmarks/search_regret.py --runs 20 --budgets 1 2 5 --methods Surrogate Random

Regret is (best - chosen) / (best - worst), of mean scores over the table's seeds; a method sees and
chooses by validation alone. Budgets are per cent of the space, in models trained at full fidelity.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from space import published

from hgl.search import SpecSpace, methods
from hgl.search.bootstrap import compare, summarise
from hgl.search.evidence import Evidence
from hgl.search.method import Method
from hgl.search.model import GraphModel
from hgl.search.regret import replay
from hgl.search.score_table import ScoreTable
from hgl.search.trial import Ladder, Rung, Trial
from hgl.tasks.metrics import METRICS

HERE = Path(__file__).parent
HINTED = {"Surrogate", "Halving"}
"""Methods that can begin with the scores of another task, or of a supernet."""
CLIMBING = {"Halving"}
"""Methods that start models on cheap rungs."""
RIVALS = ("Random", "GreedyForward")
WITHOUT = {"Language", "AllRows"}
"""The first needs a model of language; the second is one graph."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=HERE / "rel_f1_driver_top3.parquet")
    parser.add_argument("--budgets", nargs="+", type=float, default=[1, 2, 5])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--methods", nargs="+", default=sorted(set(methods.__all__) - WITHOUT))
    parser.add_argument("--reference", default="Halving, warm", help="compared with the rivals")
    parser.add_argument("--warm", type=Path, default=HERE / "rel_f1_driver_dnf.parquet")
    args = parser.parse_args()
    task = args.table.stem.removeprefix("rel_f1_").replace("_", "-")
    space = next(t.space() for t in published() if t.name == task)
    table = ScoreTable.load(args.table, space)
    top = Rung(table.num_epochs, table.num_seeds)
    cheap = (Rung(max(1, table.num_epochs // 3)), Rung(table.num_epochs), top)
    warm = evidence(ScoreTable.load(args.warm, space), args.warm.stem)
    hints: dict[str, tuple[dict[str, Any], float]] = {
        "": ({}, 0.0),
        "warm": ({"warm": [warm]}, 0.0),
    }
    if table.supernet is not None:
        hints["supernet"] = {"screen": screen(table)}, cost(table)
    budgets = [space.count * share / 100 for share in args.budgets]
    frames, seconds = [], {}
    for name in args.methods:
        ladder = Ladder(tuple(dict.fromkeys(cheap)) if name in CLIMBING else (top,))
        for hint, (settings, spent) in hints.items() if name in HINTED else [("", ({}, 0.0))]:
            words = f"{name}, {hint}" if hint else name
            begun = time.perf_counter()
            frame = replay(
                {words: maker(getattr(methods, name), space, ladder=ladder, **settings)},
                ladder,
                lambda trial, ladder=ladder: table.score(trial, ladder),
                table.test_at,
                budgets=[budget - spent for budget in budgets if budget > spent + 1],
                runs=args.runs,
            )
            seconds[words] = (time.perf_counter() - begun) / args.runs
            frames.append(frame.assign(budget=frame["budget"] + spent))
    report(pd.concat(frames), table, top, seconds, args)


def screen(table: ScoreTable) -> Callable[[Sequence[GraphModel]], np.ndarray]:
    """The table's supernet."""
    scores = METRICS[table.metric].sign * table.supernet
    return lambda models: scores[[table.space.index(model) for model in models]]


def cost(table: ScoreTable) -> float:
    """What training the supernet and scoring all models took, in models at full fidelity."""
    notes = table.notes["supernet"]
    took = notes["fit_seconds"] + table.space.count * notes["seconds_per_model"]
    return took / float(table.seconds.sum(axis=1).mean())


def maker(kind: type, space: SpecSpace, **settings: Any) -> Callable[[int], Method]:
    return lambda run: kind(space, seed=run, **settings)


def evidence(table: ScoreTable, name: str) -> Evidence:
    """What a table of another task says of the same graphs."""
    scores = table.scores(Rung(table.num_epochs, table.num_seeds))
    bits = [model.to_bits() for model in table.space]
    return Evidence(dict(zip(bits, scores.tolist(), strict=True)), name)


def report(
    frame: pd.DataFrame,
    table: ScoreTable,
    top: Rung,
    seconds: dict[str, float],
    args: argparse.Namespace,
) -> None:
    share = {table.space.count * share / 100: f"{share:g} %" for share in args.budgets}
    for column in ("val_regret", "test_regret"):
        print(f"\n{column}, per cent: mean of {args.runs} runs [95 % interval]\n")
        cells = summarise(frame, column).set_index(["method", "budget"])
        print(f"| method | {' | '.join(share.values())} | seconds a run |")
        print("|-" * (len(share) + 2) + "|")
        for name in seconds:
            rows = [cells[cells.index.isin([(name, budget)])] for budget in share]
            shown = [cell(row.iloc[0]) if len(row) else "–" for row in rows]
            print(f"| {name} | {' | '.join(shown)} | {seconds[name]:.3f} |")
        print(f"\nmore than {args.reference}, run by run\n")
        for row in compare(frame, args.reference, column).itertuples():
            if row.other in RIVALS:
                print(f"- {row.other} at {share[row.budget]}: {cell(row._asdict())}")
    val, test = table.scores(top), table.test_scores
    floor = (test.max() - test[val.argmax()]) / (test.max() - test.min())
    seeds = [pd.Series(table.val[:, s].max(axis=1)) for s in range(table.num_seeds)]
    between = [a.corr(b, "spearman") for i, a in enumerate(seeds) for b in seeds[:i]]
    agree = pd.Series(val).corr(pd.Series(test), "spearman")
    print(f"\nSpearman, validation against test: {agree:.2f}")
    if between:
        print(f"Spearman, validation of one seed against another's: {np.mean(between):.2f}")
    print(f"test regret of the validation optimum itself: {100 * floor:.1f} %")
    lookup(table, top)


def cell(row: Mapping[str, float]) -> str:
    return f"{100 * row['mean']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def lookup(table: ScoreTable, top: Rung) -> None:
    """Print how much faster a score is looked up than made."""
    ladder, models = Ladder((top,)), list(table.space)
    begun = time.perf_counter()
    for model in models:
        table.score(Trial(model, 0), ladder)
    each = (time.perf_counter() - begun) / len(models)
    made = float(table.seconds.sum(axis=1).mean())
    print(f"lookup {1e6 * each:.0f} us, training {made:.1f} s: {made / each:,.0f} times")


if __name__ == "__main__":
    main()
