"""What a language model is told, how its answers are read, and what a bad one leads to."""

from __future__ import annotations

import pytest

from hgl.db.schema import Column, ForeignKey, Schema, TableSchema
from hgl.errors import ConfigError
from hgl.search.actions import ActionPolicy, actions
from hgl.search.methods import Language
from hgl.search.methods.language import last_line
from hgl.search.methods.prompt import label
from hgl.search.model import GraphModel
from hgl.search.search import Search
from hgl.search.space import SpecSpace
from hgl.search.trial import Trial
from tests.search.landscape import FULL
from tests.search.published import schema, space, tasks

MODELS = SpecSpace(schema(u={}, v={}, likes={"a": "u", "b": "v"}, posts={"by": "u"}), "u")
"""Bits: likes as edges; likes.a, likes.b, posts.by."""


class Script:
    """Answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return self.answers.pop(0)


def asked(script: Script, models: SpecSpace, scores: list[float | None]) -> list[str]:
    """Bits of the models asked for, one more than there are scores."""
    rounds = Language(models, ladder=FULL, propose=script, task="who leaves").rounds()
    (trial,) = next(rounds)
    found = [trial]
    for score in scores:
        (trial,) = rounds.send({found[-1]: score})
        found.append(trial)
    return [trial.model.to_bits() for trial in found]


def test_acts_on_the_best_so_far() -> None:
    script = Script("likes: edges", "likes: leave out", "Let me think.\n\nposts: leave out\n")
    # From 0111 to 1001; that is worse, so from 0111 to 0001; that is better, but cannot lose posts.
    assert asked(script, MODELS, [3.0, 2.0]) == ["0111", "1001", "0001"]
    assert asked(Script("likes: edges", "posts: leave out"), MODELS, [2.0, 3.0]) == [
        *("0111", "1001", "1000"),
    ]


def test_the_prompt_says_what_there_is_to_know() -> None:
    script = Script("likes: edges", "likes: leave out")
    asked(script, MODELS, [3.0, None])
    prompt = script.prompts[1]
    for part in (
        "Task: who leaves",
        "Predicted for each row of: u",
        "likes: keys a to u, b to v",
        "3.0000: likes: rows, by a, b; posts: rows, by by; u: rows; v: rows",
        "failed: likes: edges u to v; posts: rows, by by; u: rows; v: rows",
        "Best so far, 3.0000:\nlikes: rows, by a, b\n",
        "- likes: leave out\n",
        "- posts: leave out\n",
    ):
        assert part in prompt
    assert "likes: edges\n" not in prompt.split("Actions on the best:")[1]


def test_columns_are_told_and_keys_are_not_columns() -> None:
    table = TableSchema(
        "t",
        (Column("id", "int64"), Column("u", "int64"), Column("price", "double", "numerical")),
        pkey=("id",),
        time_col="at",
        fkeys=(ForeignKey("u", ("u",), "u", ("id",), "u"),),
        num_rows=7,
    )
    drawn = SpecSpace(Schema("small", {"t": table, "u": TableSchema("u", ())}), "u")
    method = Language(drawn, ladder=FULL, propose=Script(), memory=0)
    prompt = method.prompt.write(drawn.all_rows, {drawn.all_rows: 1.0}, ["t: leave out"])
    assert "t: 7 rows; time at; keys u to u; columns price numerical" in prompt
    assert "1.0000: t" not in prompt


def test_a_bad_answer_is_told_back_once() -> None:
    script = Script("likes as edges, please", "likes: edges")
    assert asked(script, MODELS, [1.0]) == ["0111", "1001"]
    assert script.prompts[1].startswith(script.prompts[0])
    assert "Your last line was 'likes as edges, please', which is none" in script.prompts[1]


@pytest.mark.parametrize("bad", ["", "\n \n", "- likes: edges", "likes: edges.", "LIKES: EDGES"])
def test_after_two_bad_answers_an_action_is_drawn(bad: str) -> None:
    script = Script(bad, bad)
    _, found = asked(script, MODELS, [1.0])
    assert len(script.prompts) == 2
    assert MODELS.from_bits(found) in MODELS.all_rows.neighbours()


def test_where_no_action_is_left_a_model_is_drawn() -> None:
    def first(prompt: str) -> str:
        return next(x for x in prompt.splitlines() if x.startswith("- ")).removeprefix("- ")

    search = Search(Language(MODELS, ladder=FULL, propose=first), FULL, 50)
    while (trial := search.ask()) is not None:
        search.tell(trial, -float(trial.model.mask))
    assert sorted(t.model for t, _, _ in search.history) == list(MODELS)


@pytest.mark.parametrize("policy", ["rdb2g", "repair"])
@pytest.mark.parametrize("task", sorted(tasks().keys() - {"study-outcome"}))
def test_every_neighbour_has_words_of_its_own(task: str, policy: ActionPolicy) -> None:
    models = space(task)
    method = Language(models, ladder=FULL, propose=Script(), policy=policy)
    for position in range(0, models.count, models.count // 20):
        model = models[position]
        options = method.options(model, {model: 0.0})
        assert sorted(options.values()) == model.neighbours(policy)


def test_words_say_where_an_action_leads() -> None:
    models = space("driver-top3")
    method = Language(models, ladder=FULL, propose=Script())
    for words, target in method.options(models.all_rows, {models.all_rows: 0.0}).items():
        table, state = words.split(": ")
        kept = ", ".join(fkey for child, fkey in target.fkeys if child == table)
        if state == "edges":
            assert table in target.edge_tables
        elif state.startswith("rows by"):
            assert state == f"rows by {kept}"
        elif state == "leave out":
            assert target.roles[table] == "out"


def test_wide_tables_keep_and_drop_single_keys() -> None:
    wide = SpecSpace(schema(a={}, fact={f"k{n}": "a" for n in range(6)}), "a")
    found = {label(action, wide.reach.encoding) for action in actions(wide.reach.encoding)}
    assert {"fact: keep k3", "fact: drop k3", "fact: leave out"} <= found
    assert "fact: rows by k0, k1, k2, k3, k4, k5" in found


def test_the_last_line_counts() -> None:
    assert last_line("because of b\n  a: edges  \n\n") == "a: edges"


def test_starts_at_random_where_all_rows_do_not_fit() -> None:
    models = space("site-sponsor-run")
    (trial,) = next(Language(models, ladder=FULL, propose=Script()).rounds())
    assert models.is_valid(trial.model)
    assert isinstance(trial, Trial)
    assert isinstance(trial.model, GraphModel)


def test_memory_out_of_range() -> None:
    with pytest.raises(ConfigError, match="memory=-1"):
        Language(MODELS, ladder=FULL, propose=Script(), memory=-1)
