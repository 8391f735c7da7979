"""Codes tell kinds of seeds apart, and are never taken from more than training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.distill.tokenizer import Tokens, fit_tokens, told_columns
from hgl.errors import ConfigError
from hgl.train.objective import objective_for


def _kinds(rows: int = 800) -> tuple[torch.Tensor, FeatureTable, torch.Tensor, np.ndarray]:
    """Four kinds of seeds: embeddings around four points, counts and answers of their kind."""
    random = np.random.default_rng(0)
    kind = random.integers(4, size=rows)
    points = random.normal(size=(4, 16)) * 3
    embedding = torch.as_tensor(points[kind] + random.normal(size=(rows, 16)) * 0.3).float()
    features = (Feature("count", Source("orders", ("customer",))), Feature("value", column="age"))
    plan = FeaturePlan("customers", "inclusive", features)
    columns = np.stack([10.0 ** (kind % 2), 20.0 * (kind // 2)], axis=1)
    columns[random.random(columns.shape) < 0.1] = np.nan
    table = FeatureTable(plan, columns, np.empty((rows, 0), dtype=np.int64))
    return embedding, table, torch.as_tensor(kind % 2, dtype=torch.float32), kind


def _fit(num_codes: int | None = None, seed: int = 0) -> tuple[Tokens, torch.Tensor, np.ndarray]:
    embedding, table, target, kind = _kinds()
    objective = objective_for("binary", target.numpy())
    return (
        fit_tokens(
            embedding, told_columns(table), target, objective, num_codes=num_codes, seed=seed
        ),
        embedding,
        kind,
    )


def test_a_code_names_one_kind() -> None:
    tokens, embedding, kind = _fit(num_codes=8)
    codes = tokens.log_probabilities(embedding).argmax(1).numpy()
    purity = sum(np.bincount(kind[codes == c]).max() for c in np.unique(codes)) / len(kind)
    assert purity > 0.98
    assert tokens.health.codes_used >= 4


def test_targets_are_neither_sure_nor_flat() -> None:
    tokens, embedding, _ = _fit()
    assert tokens.codebook.num_codes == 40  # 800 rows, 20 to a code
    assert 0.3 <= tokens.health.target_entropy <= 0.6
    log_p = tokens.log_probabilities(embedding)
    assert torch.allclose(log_p.exp().sum(1), torch.ones(len(embedding)), atol=1e-4)


def test_rows_are_told_by_themselves() -> None:
    """Permuting rows permutes their codes: nothing is misaligned."""
    tokens, embedding, _ = _fit()
    order = torch.randperm(len(embedding), generator=torch.Generator().manual_seed(3))
    found = tokens.log_probabilities(embedding[order])
    assert torch.allclose(found, tokens.log_probabilities(embedding)[order], atol=1e-5)


def test_a_codebook_is_no_larger_than_its_rows_allow() -> None:
    with pytest.raises(ConfigError, match="num_codes=41: expected at most 40"):
        _fit(num_codes=41)


def test_profiles_are_logs_of_counts_standardised() -> None:
    _, table, _, _ = _kinds()
    told = told_columns(table)
    counts = table.numerical[:, 0]
    logs = np.log1p(counts)
    wanted = (logs - np.nanmean(logs)) / np.nanstd(logs)
    assert told[:, 0].numpy() == pytest.approx(wanted, nan_ok=True, abs=1e-5)
