"""How often what is asked comes true, in each split: what the label means may drift."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import by_split
from hgl.results.finding import Finding

POINTS = 0.05
"""Change of a class's share, from which it is said."""
DEVIATIONS = 0.25
"""Change of a mean in standard deviations of training, from which it is said."""


def base_rates(case: Case) -> Iterator[Finding]:
    """Note base rates that differ between the splits."""
    if case.task.kind not in ("binary", "multiclass", "regression"):
        return
    targets = {split: rows["target"] for split, rows in by_split(case).items()}
    if "train" not in targets or len(targets) < 2:
        return
    if case.task.kind == "regression":
        drifts, told = _mean_drifts(targets)
    else:
        drifts, told = _share_drifts(targets)
    if drifts:
        yield Finding(
            check="base rate",
            severity="note",
            place=f"target {case.task.target_col}",
            evidence=told,
            remedy="check that the label means the same over all years; report the mean of the "
            "metric per seed time beside the pooled one",
        )


def _mean_drifts(targets: dict[str, pd.Series]) -> tuple[bool, str]:
    means = {split: float(target.astype(float).mean()) for split, target in targets.items()}
    deviation = float(targets["train"].astype(float).std())
    largest = max(abs(mean - means["train"]) for mean in means.values())
    told = ", ".join(f"{split} {mean:.4g}" for split, mean in means.items())
    return largest >= DEVIATIONS * deviation, f"means {told}; deviation in training {deviation:.4g}"


def _share_drifts(targets: dict[str, pd.Series]) -> tuple[bool, str]:
    shares = pd.DataFrame({s: t.value_counts(normalize=True) for s, t in targets.items()}).fillna(0)
    drift = shares.sub(shares["train"], axis=0).abs().max(axis=1)
    changed = drift.round(9).sort_index(ascending=False).idxmax()
    told = ", ".join(f"{split} {100 * share:.1f} %" for split, share in shares.loc[changed].items())
    return bool(drift.max() >= POINTS), f"share of {changed}: {told}"
