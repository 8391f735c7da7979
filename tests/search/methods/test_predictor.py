"""The predictor is regression on choices and pairs, and learns what evidence is worth."""

from __future__ import annotations

import numpy as np
import pytest

from hgl.search.methods.features import describe, standardise
from hgl.search.methods.predictor import TRUST, Prior
from tests.search.landscape import Landscape
from tests.search.published import space


def features(task: str = "user-repeat") -> np.ndarray:
    return describe(space(task).reach.encoding, space(task).masks)


def prior(task: str = "user-repeat", *evidence: np.ndarray) -> Prior:
    return Prior(features(task), np.array(evidence).reshape(-1, space(task).count))


def test_one_hots_are_those_of_the_models() -> None:
    models = space("user-repeat")
    keys, tables = list(models.reach.encoding.fkeys), models.reach.encoding.tables
    for model, row in zip(models, features(), strict=True):
        kept = [key in model.fkeys for key in keys]
        roles = [model.roles[t] == role for role in ("edge", "node", "out") for t in tables]
        assert row.tolist() == kept + roles


def test_is_ridge_regression_on_all_choices_and_pairs() -> None:
    """The posterior mean in closed form, with every pair's product written out."""
    positions = np.arange(0, 214, 9)
    scores = np.random.default_rng(0).normal(size=len(positions))
    belief = prior().fit(positions, scores)
    x = features() - features().mean(axis=0)
    x /= np.sqrt((x**2).sum(axis=1).mean())
    products = np.einsum("ni,nj->nij", x, x).reshape(len(x), -1)
    share = belief.pairs
    columns = [np.ones((len(x), 1)), np.sqrt(1 - share) * x, np.sqrt(share) * products]
    design = np.concatenate(columns, axis=1)
    seen = design[positions]
    inner = seen.T @ seen + belief.noise * np.eye(design.shape[1])
    weights = np.linalg.solve(inner, seen.T @ standardise(scores))
    assert belief.mean == pytest.approx(design @ weights, abs=1e-6)
    doubt = belief.noise * np.linalg.inv(inner)
    assert belief.variance == pytest.approx(
        np.einsum("ni,ij,nj->n", design, doubt, design), abs=1e-6
    )


def test_pretending_is_observing_what_was_expected() -> None:
    positions, scores = np.arange(0, 214, 20), np.linspace(-1, 1, 11)
    belief = prior().fit(positions, scores)
    mean = belief.mean.copy()
    x = prior().covariance(np.append(positions, [3, 100]), belief.pairs)
    inner = x[np.append(positions, [3, 100])] + belief.noise * np.eye(13)
    belief.pretend(3)
    belief.pretend(100)
    assert (belief.mean == mean).all()
    own = np.diag(prior().covariance(np.arange(214), belief.pairs))
    expected = own - np.einsum("ni,in->n", x, np.linalg.solve(inner, x.T))
    assert belief.variance == pytest.approx(expected, abs=1e-9)


def test_predicts_models_never_seen() -> None:
    landscape = Landscape(space("driver-top3"), seed=4)
    seen = np.random.default_rng(1).choice(722, 72, replace=False)
    belief = prior("driver-top3").fit(seen, (landscape.truth + landscape.val_noise)[seen])
    rest = np.setdiff1d(np.arange(722), seen)
    assert np.corrcoef(belief.mean[rest], landscape.truth[rest])[0, 1] > 0.8


def test_believes_evidence_until_scores_contradict_it() -> None:
    truth = Landscape(space("driver-top3"), seed=2).truth
    seen = np.random.default_rng(0).choice(722, 30, replace=False)
    rest = np.setdiff1d(np.arange(722), seen)

    def right(evidence: np.ndarray, tried: np.ndarray) -> float:
        belief = prior("driver-top3", evidence).fit(tried, truth[tried])
        return float(np.corrcoef(belief.mean[rest], truth[rest])[0, 1])

    alone = prior("driver-top3").fit(seen, truth[seen])
    plain = float(np.corrcoef(alone.mean[rest], truth[rest])[0, 1])
    assert right(truth, seen[:2]) > 0.9
    assert right(-truth, seen[:2]) < -0.5
    assert right(truth, seen) > plain
    assert right(-truth, seen) > plain - 0.1


def test_no_scores_and_the_same_scores_are_no_trouble() -> None:
    evidence = Landscape(space("user-repeat")).truth
    belief = prior("user-repeat", evidence).fit(np.array([], int), np.array([]))
    assert belief.mean == pytest.approx(TRUST * standardise(evidence))
    same = prior().fit(np.array([1, 2, 3]), np.array([5.0, 5.0, 5.0]))
    assert same.mean == pytest.approx(np.zeros(214))


def test_the_largest_space_is_scored_at_once() -> None:
    large = prior("study-outcome")
    positions = np.arange(0, 36_863, 600)
    belief = large.fit(positions, np.sin(positions))
    assert belief.mean.shape == (36_863,)
