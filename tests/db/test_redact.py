"""No password survives, and nothing else is lost."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.db.redact import redact, redact_all

AWKWARD = ["p@ss", "a:b@c/d", "x?y=1&z", "sp ace", "${env}", "'quoted'", "π,#", "@@"]


@pytest.mark.parametrize("password", AWKWARD)
@pytest.mark.parametrize("escaped", [True, False])
def test_hides_awkward_passwords(password: str, escaped: bool) -> None:
    shown = quote(password, safe="") if escaped else password
    hidden = redact(f"postgresql+psycopg://me:{shown}@host:5432/shop?sslmode=require")
    assert hidden == "postgresql+psycopg://me:***@host:5432/shop?sslmode=require"


@given(st.text(st.characters(codec="utf-8"), min_size=4))
def test_hides_any_password_inside_a_message(password: str) -> None:
    message = redact(f"cannot open 'mysql://root:§{password}§@h/d' today")
    assert f"§{password}§" not in message
    assert message == "cannot open 'mysql://root:***@h/d' today"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///data/shop.sqlite",
        "postgresql://postgres@127.0.0.1:5432/postgres",
        "folder/of files: a@b",
        "mysql://root@127.0.0.1:3306/",
    ],
)
def test_leaves_text_without_a_password(text: str) -> None:
    assert redact(text) == text


def test_leaves_what_is_redacted_already() -> None:
    text = "mysql://root:***@h/d: access denied for 'root'@'127.0.0.1'"
    assert redact(text) == text


def test_hides_passwords_given_as_parameters() -> None:
    hidden = redact("mssql://host/db?user=me&password=hunter2&driver=x")
    assert hidden == "mssql://host/db?user=me&password=***&driver=x"


def test_reaches_into_nested_values() -> None:
    nested = {"db": "pg://u:secret@h", "more": [{"x": "pg://u:secret@h"}, 3, None, True]}
    assert redact_all(nested) == {
        "db": "pg://u:***@h",
        "more": [{"x": "pg://u:***@h"}, 3, None, True],
    }
