"""Names as words: how people write them, and which of them name the same thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.db.names import (
    likeness,
    parse,
    parse_tables,
    singular,
    split,
    vocabulary_of,
    word_likeness,
)

VOCABULARY = vocabulary_of(["orders", "orderdetails", "customers", "emp", "shippers", "parks"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CustomerId", ["customer", "id"]),
        ("CUSTOMER_ID", ["customer", "id"]),
        ("Order Details", ["order", "details"]),
        ("teamIDwinner", ["team", "id", "winner"]),
        ("teamIDBR", ["team", "id", "br"]),
        ("HTTPPort2", ["http", "port", "2"]),
        ("客户ID", ["客户", "id"]),
        ("Straße_Nr", ["straße", "nr"]),
        ("", []),
    ],
)
def test_split(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "entity", "role", "mark"),
    [
        ("customerid", ("customer",), (), "id"),
        ("OwnerUserId", ("owner", "user"), (), "id"),
        ("teamIDwinner", ("team",), ("winner",), "id"),
        ("id_customer", ("customer",), (), "id"),
        ("fk_customer_id", ("customer",), (), "id"),
        ("in_reply_to_id", ("in", "reply"), (), "id"),
        ("empno", ("emp",), (), "no"),
        ("parkkey", ("park",), (), "key"),
        ("ReportsTo", ("report",), (), "to"),
        ("reportsto", ("report",), (), "to"),
        ("shipvia", ("ship",), (), "via"),
        ("Id", (), (), "id"),
        ("orderdetails", ("order", "detail"), (), ""),
        ("valid", ("valid",), (), ""),
        ("grid", ("grid",), (), ""),
        ("photo", ("photo",), (), ""),
    ],
)
def test_parse(text: str, entity: tuple[str, ...], role: tuple[str, ...], mark: str) -> None:
    name = parse(text, VOCABULARY)
    assert (name.entity, name.role, name.mark) == (entity, role, mark)


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("categories", "category"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("people", "person"),
        ("series", "series"),
        ("status", "status"),
        ("analysis", "analysis"),
        ("gas", "gas"),
    ],
)
def test_singular(plural: str, word: str) -> None:
    assert singular(plural) == word


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("cust", "customer"),
        ("dept", "department"),
        ("mgr", "manager"),
        ("acct", "account"),
        ("ship", "shipper"),
        ("qualify", "qualifying"),
        ("issue", "jiraissue"),
    ],
)
def test_abbreviations_and_stems_are_alike(short: str, long: str) -> None:
    assert 0.7 <= word_likeness(short, long) < 1


@pytest.mark.parametrize(
    ("one", "other"), [("cat", "contact"), ("rate", "region"), ("order", "product"), ("a", "album")]
)
def test_other_words_are_not(one: str, other: str) -> None:
    assert word_likeness(one, other) == 0


def test_the_head_decides_what_a_reference_names() -> None:
    posts = ("post",)
    assert likeness(("post",), posts) == 1
    assert likeness(("related", "post"), posts) == 0.9
    assert likeness(("post", "type"), posts) == 0
    assert likeness(("user",), ("auth", "user")) == 0.85
    assert likeness((), posts) == 0


def test_words_that_all_tables_share_say_nothing() -> None:
    tables = ["wp_posts", "wp_users", "wp_post_meta"]
    names = parse_tables(tables, vocabulary_of(tables))
    assert [names[t].entity for t in tables] == [("post",), ("user",), ("post", "meta")]


@given(st.text())
def test_any_text_can_be_taken_apart(text: str) -> None:
    name = parse(text, VOCABULARY)
    assert all(w and w == w.lower() for w in split(text))
    assert set(name.entity) <= set(name.words)


@given(st.text(alphabet="abcdeio", max_size=9), st.text(alphabet="abcdeio", max_size=9))
def test_likeness_is_symmetric_and_whole_only_for_the_same(a: str, b: str) -> None:
    assert word_likeness(a, b) == word_likeness(b, a)
    assert (word_likeness(a, b) == 1) == (a == b)
