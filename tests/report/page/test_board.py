from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hgl.report.page.board import board
from hgl.report.page.group import grouped
from hgl.report.page.references import comparable, of_group, read_references
from hgl.results.record import Record

ONE = Record(
    id="0",
    dataset="rel-f1",
    task="driver-dnf",
    kind="binary",
    model="sage",
    policy="frozen",
    cut="inclusive",
    metric="roc_auc",
    seed=0,
    higher_is_better=True,
    status="done",
    metrics={"val": {"roc_auc": 0.7}, "test": {"roc_auc": 0.72}},
    interval={"test": (0.6, 0.8)},
    data="d",
    labels="l",
    seconds=10.0,
)


def scored(value: float, **fields: object) -> Record:
    return replace(ONE, metrics={"test": {"roc_auc": value}}, **fields)  # type: ignore[arg-type]


def test_policies_and_cuts_and_data_never_share_a_table() -> None:
    others = [
        replace(ONE, policy="rolling"),
        replace(ONE, cut="strict"),
        replace(ONE, data="e"),
        replace(ONE, labels="m"),
        replace(ONE, task="driver-top3"),
        replace(ONE, dataset="flights"),
    ]
    groups = grouped([ONE, *others])
    assert [len(group.records) for group in groups] == [1] * 7
    marked = [group.marks for group in groups if group.marks]
    assert len(marked) == 3
    assert len(set(marked)) == 3


def test_a_failure_without_fingerprints_joins_its_question() -> None:
    failed = replace(ONE, status="failed", error="boom", data="", labels=None, metrics={})
    (group,) = grouped([failed, ONE])
    rows = board(group, [])
    assert [row.status for row in rows] == ["done", "failed"]
    assert (rows[0].runs.seeds, len(rows[0].runs.records), rows[1].error) == ((0,), 2, "boom")


@pytest.mark.parametrize("higher", [True, False])
def test_the_best_comes_first_and_unknown_scores_last(higher: bool) -> None:
    scores = {"a": 0.1, "b": 0.3, "c": np.nan, "d": 0.2}
    records = [scored(v, model=m, higher_is_better=higher) for m, v in scores.items()]
    order = [row.model for row in board(grouped(records)[0], [])]
    assert order == (["b", "d", "a", "c"] if higher else ["a", "d", "b", "c"])


def test_settings_that_differ_make_lines_of_their_own() -> None:
    def config(channels: int, seed: int) -> dict[str, object]:
        return {"model": {"channels": channels}, "trainer": {"seed": seed, "device": f"d{seed}"}}

    records = [replace(ONE, seed=s, config=config(c, s)) for c in (8, 16) for s in (0, 1)]
    rows = board(grouped(records)[0], [])
    assert {row.label for row in rows} == {"sage (model.channels=8)", "sage (model.channels=16)"}
    assert all(row.runs.seeds == (0, 1) for row in rows)


def test_equal_predictions_of_other_names_are_flagged() -> None:
    said = {"test": "same"}
    records = [replace(ONE, model=m, predictions=said) for m in "ab"] + [replace(ONE, model="c")]
    twins = {row.model: row.runs.twins for row in board(grouped(records)[0], [])}
    assert twins == {"a": ("b",), "b": ("a",), "c": ()}


def test_published_numbers_stand_beside_measured_ones_of_their_policy_only() -> None:
    known = read_references()
    (group,) = grouped([ONE])
    own = comparable(of_group(known, group), group)
    rows = {row.label: row for row in board(group, own)}
    assert [r.value for r in rows["sage"].published] == [0.726, 0.717]
    assert rows["sage"].runs.score("test").mean == 0.72
    assert rows["Data scientist"].status == "published"
    assert math.isnan(rows["Data scientist"].runs.score("test").mean)
    assert {r.policy for row in rows.values() for r in row.published} == {"frozen"}
    (rolling,) = grouped([replace(ONE, policy="rolling")])
    assert comparable(of_group(known, rolling), rolling) == []
    assert of_group(known, grouped([replace(ONE, metric="mae")])[0]) == []


def test_every_published_number_names_source_and_policy() -> None:
    for reference in read_references():
        assert reference.source
        assert reference.policy in ("frozen", "leaderboard", "unstated")
        assert reference.value > 1 if reference.metric == "mae" else 0 < reference.value < 1
