"""Configurations and command lines: what the signature asks for, or one line that names the key."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from hgl.cli import _check_grammar, main
from hgl.commands.target import build, completed
from hgl.errors import HglError
from hgl.export.limits import Limits
from tests.fuzz.cases import check_message, fuzz, outcome
from tests.fuzz.hostile import NAMES, mutated, scalars

TRAINER = {
    "_target_": "hgl.train.trainer.Trainer",
    "_partial_": True,
    "lr": 0.001,
    "max_epochs": 3,
    "seed": 0,
    "device": "cpu",
}
MODEL = {
    "_target_": "hgl.models.relational.RelationalModel",
    "_partial_": True,
    "channels": 64,
    "gnn": {"_target_": "hgl.models.sage.HeteroGraphSAGE", "_partial_": True, "num_layers": 2},
}
LIMITS = {"_target_": "hgl.export.limits.Limits", "rows": 5, "timeout": 1.5, "stale": "warn"}
NODES = [TRAINER, MODEL, LIMITS, {"trainer": TRAINER, "model": MODEL, "limits": LIMITS}]
FOREIGN = [
    "os.system",
    "os.mkdir",
    "builtins.eval",
    "subprocess.run",
    "hgl.cli.main",
    "hgl.db.sql.os",
]


def _is_mapping(node: Any) -> bool:
    return isinstance(node, dict)


@fuzz(0.5)
@given(node=st.sampled_from(NODES).flatmap(mutated).filter(_is_mapping))
def test_a_node_is_complete_or_refused(node: Any) -> None:
    found = outcome(lambda: completed(node))
    if not isinstance(found, HglError):
        again = outcome(lambda: completed(found))
        assert repr(again) == repr(found)  # not-a-number is not itself


@fuzz(0.2)
@given(
    node=mutated(LIMITS).filter(_is_mapping)
    | st.sampled_from(FOREIGN).map(lambda name: {**LIMITS, "_target_": name})
)
def test_a_stored_node_builds_parts_only(node: Any) -> None:
    found = outcome(lambda: build(node, trusted=False))
    if "_target_" in node:
        assert isinstance(found, HglError)  # limits are of a service, no part of a run


@fuzz(0.1)
@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(-2, 5) | st.floats()
            for name in ("rows", "body", "workers", "queue", "timeout", "max_staleness")
        },
    )
)
def test_limits_are_in_range_or_refused(values: dict[str, Any]) -> None:
    found = outcome(lambda: Limits(**values))
    if isinstance(found, Limits):
        assert min(found.rows, found.body, found.workers) >= 1
        assert found.queue >= 0
        assert found.timeout > 0


KEYS = [
    "trainer.lr",
    "trainer",
    "model.gnn.num_layers",
    "model",
    "sampling",
    "+a",
    "~trainer",
    "out",
]
KEYS += [
    "task",
    "db",
    "trainer.seed",
    "graph.without_fkeys",
    "policy",
    "hydra.run.dir",
    "++a.b",
    "x y",
]
VALUES = st.sampled_from([*NAMES, "${oc.env:HOME}", "${now:%Y}", "[1", "{a:1}", "1,2", "range(3)"])
VALUES |= scalars.map(str) | st.text(max_size=8)
WORDS = st.builds(lambda key, value: f"{key}={value}", st.sampled_from(KEYS), VALUES)
WORDS |= st.sampled_from(NAMES) | st.text(max_size=10)


@fuzz(0.15)
@given(word=WORDS)
def test_a_word_is_an_override_or_refused(word: str) -> None:
    outcome(lambda: _check_grammar(word))


@fuzz(0.05)
@given(words=st.lists(WORDS, min_size=1, max_size=2), verb=st.sampled_from(["train", "serve"]))
def test_a_command_line_is_shown_or_refused_in_one_line(words: list[str], verb: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = outcome(lambda: _exit_code([verb, "--cfg", *words]))
    assert code in (0, 2), (words, err.getvalue())
    if code == 0:
        assert isinstance(yaml.safe_load(out.getvalue()), dict) or "hgl" in out.getvalue()
    else:
        check_message(err.getvalue())


def _exit_code(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as exit_:  # argparse's own
        return int(exit_.code or 0)
