"""How sure a score is: resampling entities, whose questions go together."""

from __future__ import annotations

import numpy as np

from hgl.report.page.answers import Answers
from hgl.tasks.draws import entity_draws

RESAMPLES = 400


def score_interval(answers: Answers, metric: str) -> tuple[float, float] | None:
    """Return both ends of a score's 95 % bootstrap interval, or None where it is undefined."""
    if not len(answers.entity):
        return None
    scores = [answers.score(metric, d) for d in entity_draws(answers.entity, RESAMPLES, seed=0)]
    known = np.array(scores)[np.isfinite(scores)]
    if not len(known):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
