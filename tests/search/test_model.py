"""A model's roles, canonical form, text, picture and what `build_graph` makes of it."""

from __future__ import annotations

import pickle

import pytest

from hgl.errors import ConfigError, SchemaError
from hgl.search.space import SpecSpace
from tests.search.published import random_schema, schema, space

LINKED = schema(
    posts={"owner": "users"},
    follows={"followed": "users", "follower": "users"},
    votes={"post": "posts", "voter": "users"},
    users={},
)


@pytest.fixture
def models() -> SpecSpace:
    return SpecSpace(LINKED, "users")


def test_roles_keys_and_bits(models: SpecSpace) -> None:
    model = models.draw([("votes", "voter")], ["follows"])
    assert model.roles == {"follows": "edge", "posts": "out", "users": "node", "votes": "node"}
    assert model.fkeys == (("votes", "voter"),)
    assert model.edge_tables == ("follows",)
    assert model.to_bits() == "10" + "00" + "0" + "01"
    assert models.from_bits("1000001") == model
    assert hash(models.from_bits("1000001")) == hash(model)
    assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301


def test_same_bits_of_another_task_are_another_model(models: SpecSpace) -> None:
    one_hop = SpecSpace(LINKED, "users", 1)
    assert models.from_bits("1000001") != one_hop.from_bits("1000001")
    assert not one_hop.is_valid(models.from_bits("1000001"))
    assert models.is_valid(SpecSpace(LINKED, "users").from_bits("1000001"))


def test_canonical_leaves_out_what_the_entity_table_does_not_reach(models: SpecSpace) -> None:
    far = models.from_bits("1000010")
    assert not far.is_valid
    assert far.canonical() == models.draw(edge_tables=["follows"])
    with pytest.raises(SchemaError, match="graph model 1000010 is not in the space"):
        models.index(far)


@pytest.mark.parametrize("seed", range(10))
def test_canonical_twice_changes_nothing(seed: int) -> None:
    drawn = random_schema(seed)
    for table in drawn.tables:
        try:
            models = SpecSpace(drawn, table)
        except SchemaError:
            continue
        size = len(models.all_rows.to_bits())
        for mask in range(1 << size):
            try:
                model = models.from_bits(format(mask, f"0{size}b"))
            except SchemaError:
                continue
            assert model.canonical().canonical() == model.canonical()


@pytest.mark.parametrize("task", ["user-clicks", "user-ad-visit", "driver-top3", "user-repeat"])
def test_canonical_changes_no_model_of_a_space(task: str) -> None:
    for model in space(task):
        assert model.canonical() == model
        assert model.is_valid
        model.check()


@pytest.mark.parametrize("task", ["user-clicks", "driver-top3", "user-repeat"])
def test_specs_round_trip(task: str) -> None:
    models = space(task)
    for model in models:
        assert models.from_spec(model.to_spec()) == model
        assert models.from_spec(model.to_spec("sink")) == model


def test_spec_of_the_usual_heuristic_leaves_out_what_is_too_far() -> None:
    spec = space("driver-top3").all_rows.to_spec()
    assert spec.without_tables == ("circuits", "constructor_results", "constructor_standings")
    assert spec.without_fkeys == ()


def test_spec_of_a_table_drawn_as_edges(models: SpecSpace) -> None:
    spec = models.draw([("votes", "voter")], ["follows"]).to_spec()
    assert spec.edge_tables == ("follows",)
    assert spec.without_tables == ("posts",)
    assert spec.tables(LINKED) == ["users", "votes"]
    spec.check(LINKED, "users")
    assert spec.sinks == []
    assert models.draw([("votes", "voter")], ["follows"]).to_spec("sink").sinks == ["follows sink"]


def test_text_and_picture(models: SpecSpace) -> None:
    model = models.draw([("posts", "owner"), ("votes", "post")], ["follows"])
    assert str(model).splitlines() == [
        "follows: edges users to users",
        "posts: rows, by owner",
        "users: rows",
        "votes: rows, by post",
    ]
    assert model.mermaid().splitlines() == [
        "flowchart LR",
        '    t0["posts"]',
        '    t1(["users"])',
        '    t2["votes"]',
        '    t1 ==>|"follows"| t1',
        '    t0 -->|"owner"| t1',
        '    t2 -->|"post"| t0',
    ]


def test_picture_of_names_with_marks() -> None:
    odd = SpecSpace(schema(**{'the "x"': {"#1": "b"}, "b": {}}), "b").all_rows.mermaid()
    assert '["the #quot;x#quot;"]' in odd
    assert '|"#35;1"|' in odd


@pytest.mark.parametrize(
    ("fkeys", "edge_tables", "message"),
    [
        ([], ["posts"], "'posts' cannot be drawn as edges: it has 1 foreign keys, expected"),
        ([], ["users"], "'users' cannot be drawn as edges: it has 0 foreign keys"),
        ([], ["likes"], "'likes' cannot be drawn as edges: not found; tables are: follows, posts"),
        ([("votes", "post")], ["votes"], "'votes' is drawn as edges: expected none of its"),
        ([("votes", "poster")], [], "foreign key votes.poster not found; there are: follows.f"),
        ([], [], "0000000 cuts off the entity table 'users': expected a relation"),
        ([("votes", "post")], [], "cuts off the entity table 'users'"),
    ],
)
def test_models_that_cannot_be(
    models: SpecSpace, fkeys: list[tuple[str, str]], edge_tables: list[str], message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        models.draw(fkeys, edge_tables)


def test_a_table_referred_to_cannot_be_edges() -> None:
    drawn = schema(a={}, b={"k": "a", "l": "a"}, c={"b": "b"})
    with pytest.raises(SchemaError, match=r"'b' cannot be drawn as edges: c\.b refers to it"):
        SpecSpace(drawn, "a").draw(edge_tables=["b"])


def test_the_entity_table_is_never_edges() -> None:
    drawn = schema(a={}, b={"k": "a", "l": "a"})
    with pytest.raises(SchemaError, match="cuts off the entity table 'b'"):
        SpecSpace(drawn, "b").draw(edge_tables=["b"])
    assert [model.to_bits() for model in SpecSpace(drawn, "b")] == ["001", "010", "011"]


def test_destination_cut_off() -> None:
    with pytest.raises(SchemaError, match="cuts off the destination 'sponsors': expected a path"):
        space("site-sponsor-run").draw(edge_tables=["facilities_studies"])


@pytest.mark.parametrize("bits", ["", "10", "100000x", "10000010"])
def test_bits_that_do_not_fit(models: SpecSpace, bits: str) -> None:
    with pytest.raises(ConfigError, match=f"bits='{bits}': expected 7 of 0 and 1"):
        models.from_bits(bits)


def test_bits_of_edges_and_rows_at_once(models: SpecSpace) -> None:
    with pytest.raises(SchemaError, match="'follows' is drawn as edges"):
        models.from_bits("1010000")
