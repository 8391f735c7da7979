from __future__ import annotations

from hgl.report.page.layers import layers


def test_layers_are_distances_and_lonely_tables_come_last() -> None:
    tables = ["a", "b", "c", "d", "lonely"]
    keys = [("b", "a"), ("c", "b"), ("d", "b"), ("d", "d")]
    assert layers(tables, keys, ["a"]) == [["a"], ["b"], ["c", "d"], ["lonely"]]


def test_tables_stand_beside_those_they_refer_to() -> None:
    keys = [("p", "root"), ("q", "root"), ("x", "q"), ("y", "p")]
    _, second, third = layers(["root", "p", "q", "x", "y"], keys, ["root"])
    beside = {"p": "y", "q": "x"}
    assert third == [beside[table] for table in second]


def test_without_a_root_any_table_is_one() -> None:
    assert layers(["a", "b"], [], []) == [["a"], ["b"]]
