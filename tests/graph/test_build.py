"""From DataFrames through the arranged database to a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from hgl.db.cache import cache_folder
from hgl.db.database import Database
from hgl.errors import ConfigError, LeakageError, SchemaError
from hgl.graph.build import build_graph, build_store
from hgl.graph.sampler import TemporalSampler
from hgl.graph.spec import GraphSpec
from hgl.typing import UNKNOWN_TIME, TableLayout, reverse_of

TABLES = {
    "staff": pd.DataFrame({"name": ["ann", "bob", "cid"], "boss": ["bob", None, "bob"]}),
    "shop": pd.DataFrame({"city": ["Ulm", "Rom"], "lead": ["cid", "ann"]}),
    "sale": pd.DataFrame(
        {
            "no": [1, 2, 3, 4],
            "city": ["Rom", "Ulm", "Oslo", "Rom"],
            "buyer": ["ann", "bob", "ann", "ann"],
            "seller": ["bob", "cid", "bob", "bob"],
            "at": pd.to_datetime(["2020-01-03", "2020-01-02", "2020-01-01", None]),
        }
    ),
}
MANIFEST: dict[str, Any] = {
    "tables": {
        "staff": {"pkey": ["name"], "time_col": None, "fkeys": {"boss": "staff"}},
        "shop": {"pkey": ["city"], "time_col": None, "fkeys": {"lead": "staff"}},
        "sale": {
            "pkey": ["no"],
            "time_col": "at",
            "fkeys": {"city": "shop", "buyer": "staff", "seller": "staff"},
        },
    }
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Database:
    out = tmp_path_factory.mktemp("company")
    times = {"val_timestamp": "2020-01-02", "test_timestamp": "2020-01-03"}
    return Database.open(TABLES, name="company", manifest=MANIFEST, out=out / "db", **times)


def names(db: Database, table: str, key: str) -> list[Any]:
    return db.frame(table)[key].tolist()


def test_every_key_is_drawn_both_ways(company: Database) -> None:
    graph = build_graph(company)
    assert graph.node_types == ("sale", "shop", "staff")
    keys = [
        *(("sale", "buyer", "staff"), ("sale", "city", "shop"), ("sale", "seller", "staff")),
        *(("shop", "lead", "staff"), ("staff", "boss", "staff")),
    ]
    forth = [(child, f"f2p_{key}", parent) for child, key, parent in keys]
    back = [(parent, f"rev_f2p_{key}", child) for child, key, parent in keys]
    assert graph.edge_types == tuple(sorted(forth + back))
    assert graph.num_nodes == {"sale": 4, "shop": 2, "staff": 3}
    time = graph.time["sale"]
    assert time is not None
    assert time.tolist() == [1577836800, 1577923200, 1578009600, UNKNOWN_TIME]


def test_edges_join_the_rows_their_keys_name(company: Database) -> None:
    graph = build_graph(company)
    staff, sales = names(company, "staff", "name"), names(company, "sale", "no")
    bought = graph.relations["sale", "f2p_buyer", "staff"]
    ann = slice(*bought.colptr[staff.index("ann") :][:2].tolist())
    assert [sales[row] for row in bought.row[ann].tolist()] == [3, 1]
    assert bought.num_hidden == 1
    bosses = graph.relations["staff", "f2p_boss", "staff"]
    bob = slice(*bosses.colptr[staff.index("bob") :][:2].tolist())
    assert sorted(staff[row] for row in bosses.row[bob].tolist()) == ["ann", "cid"]
    # Oslo is no shop, and sale 4 has no time.
    assert graph.relations["sale", "f2p_city", "shop"].num_edges == 2


def test_tables_are_left_out_on_request(company: Database) -> None:
    whole, part = build_graph(company), build_graph(company, GraphSpec(without_tables=("shop",)))
    assert part.node_types == ("sale", "staff")
    assert set(part.edge_types) == {e for e in whole.edge_types if "shop" not in e}


def test_keys_are_left_out_on_request(company: Database) -> None:
    graph = build_graph(company, GraphSpec(without_fkeys=(("sale", "buyer"),)))
    labels = {e[1] for e in graph.edge_types}
    assert labels.isdisjoint({"f2p_buyer", "rev_f2p_buyer"})
    assert len(graph.edge_types) == 8


def test_relations_are_built_once_and_kept(company: Database) -> None:
    build_graph(company)
    kept = [path.stat().st_mtime_ns for path in (cache_folder() / "relations").rglob("*.npy")]
    build_graph(company, GraphSpec(without_tables=("shop",)))
    again = [path.stat().st_mtime_ns for path in (cache_folder() / "relations").rglob("*.npy")]
    assert sorted(kept) == sorted(again) != []


def test_a_graph_of_a_cut_database_ends_there(company: Database) -> None:
    graph = build_graph(company.upto("2020-01-02"))
    sampler = TemporalSampler(graph, [-1])
    late = torch.tensor([2_000_000_000])
    rows = [row for row, no in enumerate(names(company, "sale", "no")) if no == 1]
    with pytest.raises(LeakageError):
        sampler.sample("sale", torch.tensor(rows), late)
    ann = torch.tensor([names(company, "staff", "name").index("ann")])
    seen = sampler.sample("staff", ann, late)
    assert seen.num_copies[graph.node_types.index("sale")].tolist() == [0, 1]


def test_a_database_without_keys(tmp_path: Path) -> None:
    tables = {"a": pd.DataFrame({"x": [1.5, 2.5]}), "b": pd.DataFrame({"y": ["u", "v"]})}
    manifest = {"tables": {"a": {"fkeys": {}}, "b": {"fkeys": {}}}}
    db = Database.open(tables, name="apart", manifest=manifest, out=tmp_path / "db")
    graph = build_graph(db)
    assert graph.edge_types == ()
    sample = TemporalSampler(graph, [4]).sample("a", torch.tensor([1]), torch.tensor([0]))
    assert sample.row.tolist() == [1]


LINKED: dict[str, pd.DataFrame] = {
    "user": pd.DataFrame({"id": [1, 2, 3], "joined": pd.to_datetime(["2020-01-01"] * 3)}),
    "item": pd.DataFrame({"id": [1, 2]}),
    "view": pd.DataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "item": [1, 2, 2, None, 1],
            "user": [1, 1, 3, 2, 1],
            "at": pd.to_datetime(["2020-01-03", "2020-01-02", None, "2020-01-02", "2020-01-02"]),
        }
    ),
}
LINKS: dict[str, Any] = {
    "tables": {
        "user": {"pkey": ["id"], "time_col": "joined", "fkeys": {}},
        "item": {"pkey": ["id"], "time_col": None, "fkeys": {}},
        "view": {"pkey": ["id"], "time_col": "at", "fkeys": {"item": "item", "user": "user"}},
    }
}


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Database:
    out = tmp_path_factory.mktemp("linked")
    return Database.open(LINKED, name="linked", manifest=LINKS, out=out / "db")


def test_a_table_is_drawn_as_edges_on_request(linked: Database) -> None:
    graph = build_graph(linked, GraphSpec(edge_tables=("view",)))
    assert graph.node_types == ("item", "user", "view")
    there, back = ("item", "r2e_view", "user"), ("user", "rev_r2e_view", "item")
    keys = ("view", "f2p_user", "user"), ("view", "f2p_item", "item")
    assert graph.row_types == {there: keys[0], back: keys[1]}
    assert set(graph.edge_types) == {there, back, *keys, *map(reverse_of, keys)}
    views, users = names(linked, "view", "id"), names(linked, "user", "id")
    relation = graph.relations[there]
    first = slice(*relation.colptr[users.index(1) :][:2].tolist())
    assert relation.edge_row is not None
    assert sorted(views[row] for row in relation.edge_row[first].tolist()[:2]) == [2, 5]
    assert [views[row] for row in relation.edge_row[first].tolist()[2:]] == [1]
    assert (relation.num_edges, relation.num_null, relation.num_hidden) == (3, 1, 1)


def test_rows_left_out_of_the_edges_are_logged(
    linked: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HGL_CACHE", str(tmp_path))
    with caplog.at_level("INFO", "hgl.graph.build"):
        build_graph(linked, GraphSpec(edge_tables=("view",)))
    told = "view as edges: 1 rows with a null key left out; null_keys='sink' keeps 1 of them"
    assert told in caplog.text
    assert "view as edges: 1 edges of unknown time hidden" in caplog.text


def test_rows_with_a_null_key_join_a_sink_on_request(linked: Database) -> None:
    drop = build_graph(linked, GraphSpec(edge_tables=("view",)))
    graph = build_graph(linked, GraphSpec(edge_tables=("view",), null_keys="sink"))
    assert graph.node_types == ("item", "user", "view", "view sink")
    assert (graph.num_nodes["view sink"], graph.time["view sink"]) == (1, None)
    to_user, to_item = ("view sink", "r2e_view", "user"), ("view sink", "rev_r2e_view", "item")
    rows = ("view", "sink_f2p_user", "user"), ("view", "sink_f2p_item", "item")
    added = {to_user, to_item, *rows}
    assert set(graph.edge_types) - set(drop.edge_types) == added | set(map(reverse_of, added))
    assert graph.row_types == drop.row_types | dict(zip((to_user, to_item), rows, strict=True))
    views, users = names(linked, "view", "id"), names(linked, "user", "id")
    relation = graph.relations[to_user]
    second = slice(*relation.colptr[users.index(2) :][:2].tolist())
    assert [views[row] for row in relation.edge_row[second].tolist()] == [4]
    assert (relation.num_edges, relation.num_null) == (1, 0)
    assert graph.relations[to_item].num_edges == 0
    user = torch.tensor([users.index(2)])
    sample = TemporalSampler(graph, [-1]).sample("user", user, torch.tensor([2_000_000_000]))
    assert sample.num_copies[:, 1].tolist() == [0, 0, 1, 1]
    columns = graph.features_for(2_000_000_000)["view sink"]
    assert (columns.layout, columns.gather(torch.zeros(2).long())) == (TableLayout(), {})


def test_graphs_of_both_policies_share_their_arrays(linked: Database) -> None:
    store = build_store(linked)
    for null_keys in ("drop", "sink"):
        spec = GraphSpec(edge_tables=("view",), null_keys=null_keys)
        for edge_type, relation in build_graph(linked, spec, store=store).relations.items():
            assert relation is store.relations[edge_type]


def test_a_sink_takes_no_name_of_a_table(tmp_path: Path) -> None:
    tables = LINKED | {"view sink": pd.DataFrame({"x": [1.5, 2.5]})}
    manifest = {"tables": LINKS["tables"] | {"view sink": {"fkeys": {}}}}
    db = Database.open(tables, name="taken", manifest=manifest, out=tmp_path / "db")
    graph = build_graph(db, GraphSpec(edge_tables=("view",)))
    assert graph.num_nodes["view sink"] == 2
    with pytest.raises(SchemaError, match="the sink of 'view' would have the name of the table"):
        build_graph(db, GraphSpec(edge_tables=("view",), null_keys="sink"))


def test_policies_for_null_keys() -> None:
    with pytest.raises(ConfigError, match="null_keys='keep': expected drop or sink"):
        GraphSpec(null_keys="keep")
    specs = {GraphSpec(), GraphSpec(null_keys="drop"), GraphSpec(null_keys="sink")}
    assert len(specs) == 2


def test_the_usual_graph_has_no_tables_drawn_as_edges(linked: Database) -> None:
    assert all("r2e_" not in label for _, label, _ in build_graph(linked).edge_types)


def test_an_edge_later_than_the_database_is_not_seen(linked: Database) -> None:
    graph = build_graph(linked.upto("2020-01-02"), GraphSpec(edge_tables=("view",)))
    user = torch.tensor([names(linked, "user", "id").index(1)])
    sample = TemporalSampler(graph, [-1]).sample("user", user, torch.tensor([2_000_000_000]))
    assert sample.num_edges.sum() == 4  # to two items, and the rows themselves


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (GraphSpec(without_tables=("shops",)), "'shops'.*sale, shop, staff"),
        (GraphSpec(without_fkeys=(("shops", "x"),)), "'shops'"),
        (GraphSpec(without_fkeys=(("shop", "x"),)), "'x' is not in table 'shop'.*lead"),
        (GraphSpec(without_tables=("sale", "shop", "staff")), "every table"),
        (GraphSpec(edge_tables=("shops",)), "'shops'"),
        (
            GraphSpec(edge_tables=("sale",)),
            "'sale' cannot be drawn as edges: it has 3 foreign keys",
        ),
    ],
)
def test_specs_that_do_not_fit(company: Database, spec: GraphSpec, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        build_graph(company, spec)


def test_a_spec_must_keep_the_entity_table(company: Database) -> None:
    spec = GraphSpec(without_tables=("shop",))
    spec.check(company.schema, entity_table="staff")
    with pytest.raises(SchemaError, match="entity table 'shop'"):
        spec.check(company.schema, entity_table="shop")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (GraphSpec(("view",), edge_tables=("view",)), "in without_tables and edge_tables"),
        (GraphSpec((), (("view", "user"),), ("view",)), "without_fkeys has its 'user'"),
        (GraphSpec(("item",), edge_tables=("view",)), "it joins 'item', which is left out"),
    ],
)
def test_edges_that_contradict_the_rest(linked: Database, spec: GraphSpec, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        build_graph(linked, spec)


def test_the_entity_table_is_not_edges(linked: Database) -> None:
    with pytest.raises(
        SchemaError, match=r"edge_tables=\['view'\]: expected .*'view' to be drawn as"
    ):
        GraphSpec(edge_tables=("view",)).check(linked.schema, entity_table="view")


def test_specs_are_values() -> None:
    first = GraphSpec(("b", "a"), (("t", "k"), ("s", "k")))
    second = GraphSpec(("a", "b", "a"), (("s", "k"), ("t", "k")))
    assert first == second
    assert hash(first) == hash(second)
