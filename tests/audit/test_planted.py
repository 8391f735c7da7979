"""What a planted column is worth."""

from __future__ import annotations

import numpy as np
import pytest

from hgl.audit.case import Case
from hgl.audit.planted import Worth, planted
from hgl.features.encode import measure_tables
from tests.train.shop import returns, shop


def test_an_answer_known_later_is_worth_nothing_and_a_leaked_one_everything() -> None:
    case = Case(shop(), returns(), "rolling", "strict")
    until = int(case.task.val_timestamp or 0)
    worth = planted(case, measure_tables(case.db, stats_until=until))
    assert worth is not None
    assert worth.honest == worth.without
    assert np.isclose(worth.leaked, 1.0)
    assert worth.without < 0.99
    (finding,) = worth.findings()
    assert finding.severity == "note"
    assert "1.0000 had it leaked" in finding.evidence


@pytest.mark.parametrize(("honest", "severity"), [(0.7, "note"), (0.9, "leak")])
def test_a_gain_at_honest_times_is_a_leak(honest: float, severity: str) -> None:
    (finding,) = Worth("roc_auc", 0.7, honest, 1.0).findings()
    assert finding.severity == severity
